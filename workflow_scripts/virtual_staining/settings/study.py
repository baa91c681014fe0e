"""All blocks of config.yaml, the keys at its top, and the rules between blocks."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from virtual_staining.settings.base import LARGEST_SEED, Settings, key
from virtual_staining.settings.cohort import CohortSettings
from virtual_staining.settings.draw import DrawSettings
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.figures import FiguresSettings
from virtual_staining.settings.infer import InferSettings
from virtual_staining.settings.ingest import IngestSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.model_facts import (
    ModelFacts,
    patch_problems,
    training_problems,
)
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.refine import RefineSettings
from virtual_staining.settings.register import RegisterSettings
from virtual_staining.settings.split import SplitSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.settings.train import TrainBlock, TrainSettings
from virtual_staining.settings.words import nearest

# The name of block `register` is also that of a method of pydantic's metaclass, which is not used.
warnings.filterwarnings("ignore", 'Field name "register" in "Study" shadows', UserWarning)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Study(Settings):
    """The study in numbers: one block a stage, the paper's values as defaults, the unit in the key.

    Machine numbers (cores, memory, partitions) live in profiles/.
    """

    results: str = key(
        "results",
        "folder for everything the workflow writes; it may lie on a data disk",
        values="a path without braces, angle brackets and line breaks",
        pattern=r"^[^\x00-\x1f{}<>]+$",
    )
    samples: str | None = key(
        None,
        "sample sheet, a tab-separated table; null makes and uses the synthetic cohort of block"
        " cohort",
        values="the path of a file, or null",
        pattern=r"^[^\x00-\x1f]+$",
    )
    seed: int = key(
        1, "seed of everything random: cohort, folds, weights, patches", ge=0, le=LARGEST_SEED
    )
    models: tuple[Name, ...] = key(
        ("paired_cyclegan", "pix2pix", "cyclegan", "cyclegan_inverted"),
        "the models to train; the first one is shown in the figures of a single model",
        values="a list of one or more models",
        paper="2.6",
        min_length=1,
        max_length=100,
    )
    stain_models: dict[Name, list[Name]] = key(
        {},
        "stains that have fewer models than all, such as hematoxylin_eosin: [paired_cyclegan,"
        " pix2pix]",
        values="a list of one or more models for each stain that is named",
        paper="S2",
    )
    model_patches_per_pair: dict[Name, Annotated[int, Field(ge=1, le=100_000)]] = key(
        {},
        "models that take another number of patches than train.patches_per_pair, such as pix2pix:"
        " 250. Steps of the models differ in cost; with these numbers the models train for equal"
        " times",
        values="a whole number of 1 or more for each model that is named",
    )
    trained_folds: Literal["all"] | tuple[Annotated[int, Field(ge=1, le=1000)], ...] = key(
        "all",
        "folds that are trained and evaluated: all, or a list of fold numbers. One fold suffices"
        " for a first look, at a fraction of the time; the first one is shown in the figures",
        values="all, or a list of fold numbers",
        paper="2.4",
    )
    cohort: CohortSettings = key(CohortSettings())
    ingest: IngestSettings = key(IngestSettings())
    register: RegisterSettings = key(RegisterSettings())
    normalize: NormalizeSettings = key(NormalizeSettings())
    mask: MaskSettings = key(MaskSettings())
    split: SplitSettings = key(SplitSettings())
    refine: RefineSettings = key(RefineSettings())
    train: TrainBlock = key(TrainBlock())
    infer: InferSettings = key(InferSettings())
    evaluate: EvaluateSettings = key(EvaluateSettings())
    figures: FiguresSettings = key(FiguresSettings())
    stain: StainSettings = key(StainSettings())
    draw: DrawSettings = key(DrawSettings())

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield lists that name something twice or nothing."""
        if len(set(self.models)) < len(self.models):
            yield "models", "a list that names no model twice"
        for models in self.stain_models.values():
            if not models or len(set(models)) < len(models):
                yield "stain_models", "lists of one or more models that name none twice"
        folds = self.fold_numbers()
        if not folds or len(set(folds)) < len(folds):
            yield "trained_folds", "all, or a list of one or more folds that names none twice"

    def models_of(self, stain: str) -> list[str]:
        """Return the models of one stain, in the order of ``models``."""
        return [name for name in self.models if name in self.stain_models.get(stain, self.models)]

    def fold_numbers(self) -> list[int]:
        """Return the numbers of the folds that are trained and evaluated."""
        if self.trained_folds == "all":
            return list(range(1, self.split.folds + 1))
        return list(self.trained_folds)

    @classmethod
    def blocks(cls) -> dict[str, type[Settings]]:
        """Return the class of each block by its name, in the order of config.yaml."""
        return {
            name: field.annotation
            for name, field in cls.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
        }

    def training(self, model: str) -> TrainSettings:
        """Return the settings of one model's training."""
        block = self.train.model_dump()
        if model in self.model_patches_per_pair:
            block["patches_per_pair"] = self.model_patches_per_pair[model]
        return TrainSettings(**block, model=model, seed=self.seed)

    def contradictions(self, models: Mapping[str, ModelFacts]) -> list[str]:
        """Return a sentence for each value that does not fit another block or the models.

        Parameters
        ----------
        models : mapping of str to ModelFacts
            Every model that can be trained, by name.
        """
        unknown = [name for name in self.models if name not in models]
        if unknown:
            return [f"models: unknown model {unknown[0]!r}; {nearest(unknown[0], models)}"]
        odd = [name for name in self.model_patches_per_pair if name not in self.models]
        if odd:
            return [
                f"model_patches_per_pair: {odd[0]!r} must be one of models"
                f" ({', '.join(self.models)})"
            ]
        return [*self._of_stain(models), *self._of_models(models), *self._of_planes()]

    def _of_planes(self) -> Iterator[str]:
        """Yield what planes shall show and no network of this training can give."""
        if self.infer.texture and not self.train.texture:
            yield "infer.texture: true needs train.texture: true, which learns the texture"
        for name, block in (("infer", self.infer), ("stain", self.stain)):
            if block.whole_planes and self.train.norm != "pixel":
                yield (
                    f"{name}.whole_planes: true needs train.norm: pixel; with norm:"
                    f" {self.train.norm} colours change with the size of the plane"
                )

    def _of_stain(self, models: Mapping[str, ModelFacts]) -> Iterator[str]:
        """Yield what block stain asks for and no training gives."""
        if self.stain.model not in self.models:
            hint = "" if self.stain.model in models else f"; {nearest(self.stain.model, models)}"
            yield (
                f"stain.model: {self.stain.model!r} must be one of models "
                f"({', '.join(self.models)}){hint}"
            )
        for stain, names in self.stain_models.items():
            odd = [name for name in names if name not in self.models]
            if odd:
                yield (
                    f"stain_models: {stain}: {odd[0]!r} must be one of models"
                    f" ({', '.join(self.models)})"
                )
            elif self.stain.model not in names:
                yield (
                    f"stain_models: {stain}: must hold stain.model ({self.stain.model}), which"
                    " stains the volumes of every stain"
                )
        trained = self.fold_numbers()
        beyond = [fold for fold in trained if fold > self.split.folds]
        if beyond:
            yield (
                f"trained_folds: {beyond[0]} must be at most split.folds ({self.split.folds}), the"
                " number of folds"
            )
        untrained = [fold for fold in self.stain.folds if fold not in trained]
        if untrained:
            yield (
                f"stain.folds: {untrained[0]} must be one of the folds that are trained"
                f" ({', '.join(map(str, trained))}; see split.folds and trained_folds)"
            )

    def _of_models(self, models: Mapping[str, ModelFacts]) -> Iterator[str]:
        """Yield sizes of patches that a network cannot halve, and checkpoints that no model has."""
        for name in self.models:
            facts = models[name]
            yield from training_problems(self.train, facts)
            if not self.infer.whole_planes:
                yield from patch_problems("infer.patch_px", self.infer.patch_px, self.train, facts)
            if name == self.stain.model and not self.stain.whole_planes:
                yield from patch_problems("stain.patch_px", self.stain.patch_px, self.train, facts)
