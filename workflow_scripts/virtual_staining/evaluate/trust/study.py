"""The held-out slides of one model: how wrong each is, and how doubtful."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.evaluate.trust.uncertainty import Slide, combine, local_error
from virtual_staining.imaging.grey_pairs import GreyPairs
from virtual_staining.imaging.tissue.rigid import rigid_ct
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

# So many pixels of a slide are compared, evenly spread over its mask.
PIXELS = 50_000
EDGE_UM = 20.0


@dataclass(frozen=True)
class HeldOut:
    """One slide that its folds did not train on; ``fold`` is the first of these folds."""

    fold: int
    sample: str
    material: str
    subset: str
    slide: Slide
    ct_edge: np.ndarray
    spread_map: np.ndarray
    dense_map: np.ndarray
    mask: np.ndarray
    pixel_um: float
    unknown_fraction: float


@dataclass(frozen=True)
class Tools:
    """How the CT is read: which matter is dense, and which planes each fold was trained on."""

    mask: MaskSettings
    normalize: NormalizeSettings
    known: list[GreyPairs]


def known_planes(results: Results, folds: Sequence[Fold]) -> list[GreyPairs]:
    """Return what the training planes of each fold show."""
    known = []
    for fold in folds:
        pairs = GreyPairs()
        for sample in fold.train:
            pair = read_training_pair(results, sample)
            pairs.add(pair.ct, pair.mask, pixel_size_um(results.normalized(sample).slide))
        known.append(pairs)
    return known


def held_out_slides(
    results: Results, folds: Sequence[tuple[int, Fold]], model: str, tools: Tools
) -> Iterator[HeldOut]:
    """Yield validation slides, each stained by its own fold, and test slides, by all folds.

    Raises
    ------
    InputError
        If an image is missing or damaged.
    """
    for place, (number, fold) in enumerate(folds):
        for sample in fold.validation:
            yield _read(results, fold, sample, "validation", [(place, number)], model, tools)
    everyone = [(place, number) for place, (number, _) in enumerate(folds)]
    for sample in folds[0][1].test:
        yield _read(results, folds[0][1], sample, "test", everyone, model, tools)


def _read(
    results: Results,
    fold: Fold,
    sample: str,
    subset: str,
    used: list[tuple[int, int]],
    model: str,
    tools: Tools,
) -> HeldOut:
    pair = read_training_pair(results, sample)
    pixel_um = pixel_size_um(results.normalized(sample).slide)
    files = [results.stained(fold.stain, model, number).sample(sample) for _, number in used]
    shape = pair.mask.shape
    mean, spread = combine(
        [read_stained_image(one.slide, shape) for one in files],
        [read_stained_image(one.spread, shape) for one in files],
        pair.mask,
    )
    dense = rigid_ct(pair.ct, pixel_um, tools.mask, tools.normalize)
    places = np.flatnonzero(pair.mask)
    places = places[:: max(len(places) // PIXELS, 1)]
    error, edge = local_error(pair.slide, mean), _edge(pair.ct, pixel_um)
    unknown = [
        tools.known[place].unknown_fraction(pair.ct, pair.mask, pixel_um) for place, _ in used
    ]
    return HeldOut(
        used[0][1],
        sample,
        fold.material.get(sample, ""),
        subset,
        Slide(*(image.ravel()[places] for image in (error, spread, dense))),
        edge.ravel()[places],
        spread,
        dense,
        pair.mask,
        pixel_um,
        float(np.mean(unknown)),
    )


def _edge(ct: np.ndarray, pixel_um: float) -> np.ndarray:
    """Return the strength of the CT's edges, the simplest rival of the spread."""
    return ndimage.gaussian_gradient_magnitude(ct.astype(np.float32), max(EDGE_UM / pixel_um, 1))
