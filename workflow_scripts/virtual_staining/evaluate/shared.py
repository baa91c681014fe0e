"""What is calculated once for several regions of a slide, or for several stained slides."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

Window = tuple[slice, slice]
# Results are kept for so many pixels of patches: LPIPS' features take 200 bytes a pixel.
MOST_KEPT_PX = 4_000_000


@dataclass
class PatchResults:
    """Results of single patches, for all regions and all stained slides of a sample.

    The real slide's patches are the same for each stained slide, and two stains may agree in all of
    a region.
    """

    kept: dict[Hashable, object] = field(default_factory=dict)
    kept_px: int = 0

    def of(self, function: Callable[[np.ndarray], Sequence], patches: np.ndarray) -> list:
        """Return a function's result for each patch; patches that were seen are not passed on.

        Parameters
        ----------
        function : callable
            Maps patches (n, y, x, 3) to n results. Equal callables are taken for the same.
        patches : ndarray of uint8, shape (n, y, x, 3)
        """
        keys = [(function, blake2b(patch.tobytes(), digest_size=16).digest()) for patch in patches]
        missing = [k for k, key in enumerate(keys) if key not in self.kept]
        fresh = dict(zip(missing, function(patches[missing]), strict=True)) if missing else {}
        found = [fresh[k] if k in fresh else self.kept[key] for k, key in enumerate(keys)]
        for k, result in fresh.items():
            if self.kept_px < MOST_KEPT_PX:
                self.kept[keys[k]] = result
                self.kept_px += patches[k, ..., 0].size
        return found


@dataclass
class SlidePair:
    """A real and a stained slide, and maps of the two that all regions have in common.

    Parameters
    ----------
    real, generated : ndarray of uint8, shape (y, x, 3)
        Outside the mask both have the background's colour.
    results : PatchResults
        Shared by all stained slides of the sample.
    """

    real: np.ndarray
    generated: np.ndarray
    results: PatchResults
    kept: dict[Hashable, np.ndarray] = field(default_factory=dict)

    def map(self, function: Callable, window: Window) -> np.ndarray:
        """Return ``function(real, generated)`` of one patch, calculated the first time only."""
        key = function, window[0].start, window[1].start
        if key not in self.kept:
            self.kept[key] = function(self.real[window], self.generated[window])
        return self.kept[key]
