"""What a generator was trained on, as its file states it, so that the file is enough to stain with.

``train`` knows only images. What they stand for (voxel size, thickness, grey levels, stain) is
known to the study; the key ``trained_on`` of ``generator.pt`` holds it from format 3 on.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.imaging.grey_pairs import BINS, LEVELS, GreyPairs
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

HASH_LETTERS = 12


@dataclass(frozen=True)
class TrainedOn:
    """Facts of a training's study.

    Parameters
    ----------
    stain : str
        Stain of the slides.
    fold : int
        Number of the fold, from 1.
    voxel_size_um : float
        Pixel size of the training images, µm.
    section_thickness_um : float
        Thickness that the CT was averaged through, µm.
    normalize, mask : dict
        The settings that made the images: grey levels of bone and background among them.
    training, validation : tuple of str
        Sample ids, or their hashes.
    validation_losses : dict of str to float
        Each loss on the validation samples, in the epoch whose weights the file holds.
    known_greys : ndarray of bool, shape (grey level, local mean)
        See :attr:`~virtual_staining.imaging.grey_pairs.GreyPairs.known`.
    known_flat : ndarray of float, shape (level,)
        See :attr:`~virtual_staining.imaging.grey_pairs.GreyPairs.known_flat`; all 1 in files of
        versions that did not state it.
    licence : str
        Licence of the weights, an SPDX identifier; empty if nobody has stated one.
    """

    stain: str
    fold: int
    voxel_size_um: float
    section_thickness_um: float
    normalize: dict[str, Any]
    mask: dict[str, Any]
    training: tuple[str, ...]
    validation: tuple[str, ...]
    validation_losses: dict[str, float]
    known_greys: np.ndarray
    known_flat: np.ndarray
    licence: str = ""

    @property
    def normalize_settings(self) -> NormalizeSettings:
        """The ``normalize`` block of the study."""
        return from_dict(NormalizeSettings, self.normalize, "generator: normalize")

    @property
    def mask_settings(self) -> MaskSettings:
        """The ``mask`` block of the study."""
        return from_dict(MaskSettings, self.mask, "generator: mask")

    @property
    def grey_pairs(self) -> GreyPairs:
        """Which grey levels the training planes show."""
        return GreyPairs.from_known(self.known_greys, self.known_flat)

    def with_hashed_samples(self) -> Self:
        """Return the same with sample ids that nobody can read; equal ids stay equal."""
        return replace(
            self,
            training=tuple(map(_hashed, self.training)),
            validation=tuple(map(_hashed, self.validation)),
        )

    def describe(self) -> dict[str, Any]:
        """Return everything that people can read, for JSON."""
        values = asdict(self)
        known = values.pop("known_greys")
        del values["known_flat"]
        return {**values, "known_greys_fraction": round(float(known.mean()), 4)}

    def to_file(self) -> dict[str, Any]:
        """Return what ``torch.load(…, weights_only=True)`` can read."""
        import torch  # `--help` of commands that read these facts does not need it

        values = asdict(self)
        values["training"], values["validation"] = list(self.training), list(self.validation)
        for name in ("known_greys", "known_flat"):
            values[name] = torch.from_numpy(values[name])
        return values


def trained_on_from_file(values: Any, path: str | Path) -> TrainedOn:
    """Return the facts that a generator's file states.

    Parameters
    ----------
    values : object
        The key ``trained_on`` of the file.
    path : path
        The file, for messages.

    Raises
    ------
    InputError
        If a fact is missing or wrong.
    """
    try:
        facts = TrainedOn(**{"known_flat": np.ones(LEVELS), **values})
        found = replace(
            facts,
            training=tuple(facts.training),
            validation=tuple(facts.validation),
            known_greys=np.asarray(facts.known_greys, bool).reshape(BINS, BINS),
            known_flat=np.asarray(facts.known_flat, float).reshape(LEVELS),
        )
        if not (found.voxel_size_um > 0 and found.section_thickness_um >= 0):
            raise ValueError("sizes are not positive")
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}: trained_on: does not say what the networks were trained on ({error}); "
            "make the file again with `package complete`"
        ) from error
    return found


def _hashed(sample: str) -> str:
    return hashlib.sha256(sample.encode()).hexdigest()[:HASH_LETTERS]
