"""What the registered sections of a scan say of its materials."""

from dataclasses import dataclass, field

import numpy as np

# Fewest pixels of a mode on all sections together by which they tell what it is.
LEAST_PIXELS = 50
# Width of the new bone around an implant, µm.
NEW_BONE_UM = 400.0


@dataclass(frozen=True)
class Seen:
    """What the registered sections of a scan show over its modes.

    Parameters
    ----------
    clear, opaque, stained : ndarray of int, shape (modes,)
        Pixels of each kind.
    stained_grey : ndarray, shape (modes,), or None
        Median CT grey of the stained pixels away from edges and implants; NaN for too few.
    glass : ndarray, shape (n,)
        CT greys under wide clear glass.
    """

    clear: np.ndarray
    opaque: np.ndarray
    stained: np.ndarray
    stained_grey: np.ndarray | None = None
    glass: np.ndarray = field(default_factory=lambda: np.empty(0))

    def share(self, kind: str, number: int) -> float | None:
        """Share of a mode's pixels that are of a kind; None where there are too few to tell."""
        total = int(self.clear[number] + self.opaque[number] + self.stained[number])
        return getattr(self, kind)[number] / total if total >= LEAST_PIXELS else None

    def wide_glass(self, low: float, high: float) -> np.ndarray:
        """CT greys under wide clear glass, of a mode's greys."""
        return self.glass[(self.glass >= low) & (self.glass < high)]

    def glass_level(self, low: float, high: float) -> float | None:
        """Mean CT grey under wide clear glass, of a mode's greys; None where there is little."""
        own = self.wide_glass(low, high)
        return float(own.mean()) if own.size >= LEAST_PIXELS else None
