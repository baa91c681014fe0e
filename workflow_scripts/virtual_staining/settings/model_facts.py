"""What the check of the settings needs to know about a model, without building the model."""

from collections.abc import Mapping
from typing import Any, Protocol


class ModelFacts(Protocol):
    """Facts about one model; :mod:`virtual_staining.models.catalogue` collects those of all models.

    The settings lie below the models, so that checks between the ``train`` block and a model take
    these facts as an argument.

    Attributes
    ----------
    name : str
        Value of ``models:`` in config.yaml, and the folder name in the results.
    title : str
        Name printed in tables and figures.
    inverts_ct : bool
        Whether the model is trained on the negative of the CT (paper 3.1).
    keys : frozenset of str
        Keys of the ``train`` block that change what this model's training writes as weights.
    """

    name: str
    title: str
    inverts_ct: bool
    keys: frozenset[str]

    def components(self, settings: Any) -> Mapping[str, str]:
        """Return the printed title of each generator loss component that ``settings`` compute."""

    def halvings(self, settings: Any) -> int:
        """Return how often the generator halves its image; 2 to this power divides a patch."""
