"""The ``split`` block: cross-validation folds."""

from typing import ClassVar

from virtual_staining.settings.base import Settings, key


class SplitSettings(Settings):
    """Cross-validation folds of each stain (paper 2.4).

    Each fold is a training of every model, so fewer folds cost less. A stain needs at least as many
    groups (sheet column group) of crossval samples as folds. A change trains everything again.
    """

    block_name: ClassVar[str] = "split"

    folds: int = key(
        5,
        "number of folds, balanced by material, with the groups of the sheet kept whole",
        paper="2.4",
        ge=2,
        le=1000,
    )
