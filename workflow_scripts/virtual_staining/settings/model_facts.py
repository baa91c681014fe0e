"""What the check of the settings needs to know about a model, without building the model."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol


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
    """

    name: ClassVar[str]
    title: ClassVar[str]
    inverts_ct: ClassVar[bool]

    def keys(self, settings: Any) -> frozenset[str]:
        """Return the keys of the ``train`` block that change the weights that training writes."""

    def components(self, settings: Any) -> Mapping[str, str]:
        """Return the printed title of each generator loss component that ``settings`` compute."""

    def halvings(self, settings: Any) -> int:
        """Return how often the generator halves its image; 2 to this power divides a patch."""


def training_problems(settings: Any, facts: ModelFacts) -> Iterator[str]:
    """Yield a sentence for each value of the ``train`` block that a model cannot be trained with.

    Parameters
    ----------
    settings : TrainBlock
        The block.
    facts : ModelFacts
        The model's.
    """
    yield from patch_problems("train.patch_px", settings.patch_px, settings, facts)
    known = ("last", *facts.components(settings))
    if settings.infer_checkpoint not in known:
        yield (
            f"train.infer_checkpoint: {settings.infer_checkpoint!r} must be one of "
            f"{', '.join(known)} for {facts.name}"
        )


def patch_problems(place: str, patch_px: int, settings: Any, facts: ModelFacts) -> Iterator[str]:
    """Yield a sentence if a model's generator cannot halve a patch as often as it has to.

    Parameters
    ----------
    place : str
        The key that gives the size of the patch, for the message.
    patch_px : int
        Side of the patch, pixels.
    settings : TrainBlock
        The block that the generator is built from.
    facts : ModelFacts
        The model's.
    """
    halvings = facts.halvings(settings)
    if patch_px % 2**halvings:
        yield (
            f"{place}: {patch_px} must be a multiple of {2**halvings} for {facts.name}, whose "
            f"generator halves a patch {halvings} times"
        )
