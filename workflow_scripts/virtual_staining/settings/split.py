"""Settings of the split stage."""

from dataclasses import dataclass

from virtual_staining.errors import InputError


@dataclass(frozen=True)
class SplitSettings:
    """Keys of the ``split`` block.

    Parameters
    ----------
    folds : int
        Number of cross-validation folds, at least 2 (paper 2.4: 5).
    """

    folds: int = 5

    def __post_init__(self):
        """Refuse a number that makes no folds."""
        if isinstance(self.folds, bool) or not isinstance(self.folds, int) or self.folds < 2:
            raise InputError(f"split.folds: must be a whole number of at least 2, got {self.folds}")
