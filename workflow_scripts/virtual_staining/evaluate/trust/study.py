"""The uncertainty of all held-out slides of one model, its calibration and its checks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
from scipy import ndimage

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.evaluate.trust.novelty import alarm_level, unknown_level
from virtual_staining.evaluate.trust.uncertainty import (
    Calibration,
    Slide,
    calibrate,
    combine,
    local_error,
    ranking,
)
from virtual_staining.imaging.grey_pairs import LEAST_UNKNOWN, GreyPairs
from virtual_staining.imaging.tissue.rigid import rigid_ct
from virtual_staining.settings.evaluate import EvaluateSettings
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


def assess(
    slides: Sequence[HeldOut], settings: EvaluateSettings
) -> tuple[pd.DataFrame, Calibration]:
    """Calibrate on the validation slides, and check on every slide that the calibration left out.

    Parameters
    ----------
    slides : sequence of HeldOut
    settings : EvaluateSettings

    Returns
    -------
    rows : DataFrame
        One row a slide. A validation slide is checked with the calibration of the others, a test
        slide with that of all.
    calibration : Calibration
        Of all validation slides.

    Raises
    ------
    InputError
        If there are fewer than two validation slides, or the stainings have no spread.
    """
    known = [one for one in slides if one.subset == "validation"]
    if len(known) < 2:
        raise InputError(f"trust: {len(known)} validation slides; at least 2 are needed")
    if all(not one.slide.spread.any() for one in slides):
        raise InputError(
            "trust: the stained slides have no spread; set infer.flips: true and stain again"
        )
    rates = settings.alpha, settings.delta
    calibration = calibrate([one.slide for one in known], *rates)
    rows = []
    for one in slides:
        others = [other for other in known if other is not one]
        found = calibrate([other.slide for other in others], *rates)
        rows.append(_row(one, others, found, rates))
    return pd.DataFrame(rows), calibration


def _row(one: HeldOut, others: list[HeldOut], found: Calibration, rates) -> dict:
    slide = one.slide
    limit = found.uncertainty(slide.spread, slide.dense)
    flat = [Slide(o.slide.error, np.zeros_like(o.slide.error), o.slide.dense) for o in others]
    constant = calibrate(flat, *rates).uncertainty(np.zeros_like(slide.error), slide.dense)
    by_spread, by_edge = ranking(slide.error, slide.spread), ranking(slide.error, one.ct_edge)
    spread, level = slide.spread.mean(), alarm_level([o.slide.spread.mean() for o in others])
    most_unknown = unknown_level([o.unknown_fraction for o in others], LEAST_UNKNOWN)
    reasons = []
    if spread > level:
        reasons.append("spread")
    if one.unknown_fraction > most_unknown:
        reasons.append("unknown grey levels")
    return {
        "sample": one.sample,
        "material": one.material,
        "subset": one.subset,
        "error": slide.error.mean(),
        "coverage": (slide.error <= limit).mean(),
        "width": limit.mean(),
        "coverage_constant": (slide.error <= constant).mean(),
        "width_constant": constant.mean(),
        "spearman": by_spread["spearman"],
        "spearman_ct_edge": by_edge["spearman"],
        "risk": by_spread["risk"],
        "risk_ct_edge": by_edge["risk"],
        "top_tenth": by_spread["top_tenth"],
        **{name: value for name, value in by_spread.items() if name.startswith("risk_")},
        "spread": spread,
        "spread_alarm_level": level,
        "unknown_fraction": one.unknown_fraction,
        "unknown_alarm_level": most_unknown,
        "alarm": " and ".join(reasons),
    }


def uncertainty_image(one: HeldOut, calibration: Calibration) -> np.ndarray:
    """Return a slide's uncertainty, uint8 (y, x) grey levels, 0 outside the mask."""
    levels = calibration.uncertainty(one.spread_map, one.dense_map)
    return np.where(one.mask, np.clip(levels.round(), 1, 255), 0).astype(np.uint8)


def promise(calibration: Calibration, settings: EvaluateSettings) -> str:
    """Say what the uncertainty promises, or that it promises nothing."""
    needed = ceil(1 / settings.delta - 1e-9) - 1
    slides = f"{calibration.slides} slide{'s' if calibration.slides != 1 else ''}"
    if not calibration.calibrated:
        return (
            f"uncalibrated: {slides} are too few for a promise about {1 - settings.delta:.0%} of "
            f"new slides, which needs {needed}; the largest score is used"
        )
    return (
        f"calibrated on {slides}: on {1 - settings.delta:.0%} of new slides like these at least "
        f"{1 - settings.alpha:.0%} of the pixels have an error up to the uncertainty"
    )
