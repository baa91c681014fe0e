"""``register refine``: bring the soft tissue of training slides nearer to their CT.

Registration is right where bone is; soft tissue moves when a section is cut and glued. Each slide
is compared with a prediction from its CT by what did not learn from it: tables fitted on the fold
that held it out, or the model of an earlier run in that fold. A displacement of soft tissue is
taken only if it explains much more of this slide's prediction than the same search explains of
another specimen's.
"""

import argparse
import logging
from dataclasses import replace

import numpy as np

from virtual_staining.artefacts.folds import Fold, read_fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.refined import (
    Refinement,
    refined_slide,
    slide_digest,
    write_refined,
)
from virtual_staining.artefacts.storage.atomic import read_json, replacing
from virtual_staining.artefacts.storage.image import pixel_size_um, read_image, write_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.colour_tables import JointTable
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.soft_field import (
    SoftField,
    find_soft_field,
    folded_share,
    moved_soft,
    soft_similarity,
)
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.register.result.refined_picture import draw_refined
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.refine import RefineSettings

log = logging.getLogger(__name__)

MOST_BONE_PX, MOST_FOLDED, MOST_RETURN_PX = 0.2, 0.005, 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    parser.add_argument("--stain", required=True, help="stain whose slides are refined")
    parser.add_argument("--settings", required=True, help=RefineSettings.argument_help())
    parser.add_argument(
        "--ct-white", required=True, type=float, help="grey level where the tables end"
    )


def run(args: argparse.Namespace) -> None:
    """Write the refined slides, a picture of each, ``refined.csv`` and ``refined.json``."""
    settings = read_settings(RefineSettings, args.settings)
    folder = args.results.split(args.stain)
    folds = read_folds(args.results, args.stain)
    names = sorted({name for fold in folds for name in fold.validation})
    pairs = {name: read_training_pair(args.results, name) for name in names}
    classes = {name: read_tissue(args.results, pairs[name]) for name in names}
    pixel_um = pixel_size_um(args.results.normalized(names[0]).ct)
    slides = {name: pairs[name].slide for name in names}
    rounds = settings.rounds if settings.predictions is None else min(settings.rounds, 1)
    figures: dict[str, Refinement] = {}
    fields: dict[str, SoftField] = {}
    for number in range(1, rounds + 1):
        seen = {name: replace(pairs[name], slide=slides[name]) for name in names}
        predicted = predict(args, settings, folds, seen, pixel_um)
        for name, image in predicted.items():
            other = another(name, predicted, folds)
            fields[name], figures[name], slides[name] = refine_slide(
                pairs[name], classes[name], image, other, pixel_um, settings
            )
            said = figures[name]
            log.info(
                "round %d: %s: %.0f µm rms, folded %.4f, gain %.3f, null gain %.3f: %s",
                number, name, said.rms_um, said.folded, said.gain, said.null_gain,
                said.refused or "taken",
            )  # fmt: skip
    with replacing(folder.refined_slides) as partial:
        partial.mkdir()
        for name, figure in figures.items():
            picture = partial / f"{name}.png"
            draw_refined(picture, pairs[name].slide, slides[name], fields[name], name, figure)
            if not figure.refused:
                write_image(partial / refined_slide("", name).name, slides[name], pixel_um)
    taken = [name for name, figure in figures.items() if not figure.refused]
    log.info("%d of %d slides are refined", len(taken), len(names))
    write_refined(folder, figures, {name: slide_digest(slides[name]) for name in taken})


def read_folds(results: Results, stain: str) -> list[Fold]:
    """Return all folds of a stain."""
    path = results.split(stain).folds
    return [read_fold(path, entry["fold"]) for entry in read_json(path)["folds"]]


def predict(
    args: argparse.Namespace,
    settings: RefineSettings,
    folds: list[Fold],
    pairs: dict[str, TrainingPair],
    pixel_um: float,
) -> dict[str, np.ndarray]:
    """Return each slide as it is predicted by what has not learned from it, uint8 (y, x, 3)."""
    if settings.predictions is not None:
        return earlier_predictions(Results(settings.predictions), args.stain, settings, pairs)
    predicted = {}
    for fold in folds:
        table = JointTable(args.ct_white)
        for name in fold.train:
            table.add(pairs[name].ct, pairs[name].slide, pairs[name].mask, pixel_um)
        for name in fold.validation:
            predicted[name] = table.stain(pairs[name].ct, pixel_um)
    return predicted


def earlier_predictions(
    earlier: Results, stain: str, settings: RefineSettings, pairs: dict[str, TrainingPair]
) -> dict[str, np.ndarray]:
    """Read the slides that the model of an earlier run stained in the fold that held them out.

    Raises
    ------
    InputError
        If the earlier run has none of them, or its pairs have other sizes.
    """
    found = {}
    for number, fold in enumerate(read_folds(earlier, stain), start=1):
        for name in set(fold.validation) & set(pairs):
            path = earlier.stained(stain, str(settings.model), number).sample(name).slide
            if not path.is_file():
                continue
            found[name] = read_image(path)
            if found[name].shape != pairs[name].slide.shape:
                raise InputError(
                    f"{path}: {found[name].shape} pixels, but the pair has "
                    f"{pairs[name].slide.shape}; refine.predictions must name a run of the same "
                    "pairs"
                )
    if not found:
        raise InputError(
            f"refine.predictions: {earlier} holds no slide of stain {stain} by {settings.model}; "
            "run the earlier study with refine.rounds 0 first"
        )
    return dict(sorted(found.items()))


def another(name: str, predicted: dict[str, np.ndarray], folds: list[Fold]) -> np.ndarray:
    """Return another specimen's prediction, of the size of this slide.

    Samples of one fold's validation may be of one group, so the next sample that is validated in
    another fold is taken.
    """
    own = next(set(fold.validation) for fold in folds if name in fold.validation)
    names = sorted(set(predicted) - own) or sorted(set(predicted) - {name})
    if not names:
        raise InputError("refine.rounds: needs two slides or more, for a test against another one")
    other = predicted[next((each for each in names if each > name), names[0])]
    height, width = predicted[name].shape[:2]
    short = [(0, max(0, n - m)) for n, m in zip((height, width), other.shape, strict=False)]
    return np.pad(other, [*short, (0, 0)], mode="wrap")[:height, :width]


def refine_slide(
    pair: TrainingPair,
    classes: np.ndarray,
    predicted: np.ndarray,
    other: np.ndarray,
    pixel_um: float,
    settings: RefineSettings,
) -> tuple[SoftField, Refinement, np.ndarray]:
    """Find and judge the displacement of one slide's soft tissue.

    Parameters
    ----------
    pair : TrainingPair
        The unrefined pair.
    classes : ndarray of uint8, shape (y, x)
        Its tissue classes.
    predicted, other : ndarray of uint8, shape (y, x, 3)
        The slide as predicted from its CT, and the prediction of another specimen.
    pixel_um : float
        Pixel size, µm.
    settings : RefineSettings

    Returns
    -------
    field : SoftField
    figures : Refinement
    slide : ndarray of uint8, shape (y, x, 3)
        The refined slide, or the slide as it was where the refinement is refused.
    """
    soft = classes == Tissue.SOFT
    rigid = np.isin(classes, (Tissue.RIGID, Tissue.DEGRADATION, Tissue.IMPLANT))
    limits = (settings.smooth_um, settings.max_um, settings.check_px)
    gains, fields = [], []
    for image in (predicted, other):
        field = find_soft_field(image, pair.slide, soft, pixel_um, *limits)
        moved = moved_soft(pair.slide, field.shift_px, soft)
        before, after = (soft_similarity(image, slide, soft) for slide in (pair.slide, moved))
        gains.append(after - before)
        fields.append(field)
    field = fields[0]
    length = np.hypot(*field.shift_px)
    some = soft.any()
    figures = Refinement(
        rms_um=float(np.sqrt((length[soft] ** 2).mean())) * pixel_um if some else 0.0,
        largest_um=float(length.max()) * pixel_um,
        bone_px=float(np.percentile(length[rigid], 99)) if rigid.any() else 0.0,
        folded=folded_share(field.shift_px, soft, pixel_um),
        return_px=field.return_px,
        trusted=float(field.trusted.sum() / max(soft.sum(), 1)),
        gain=gains[0] if some else 0.0,
        null_gain=gains[1] if some else 0.0,
        refused="",
    )
    figures = replace(figures, refused=why_refused(figures, settings))
    slide = pair.slide if figures.refused else moved_soft(pair.slide, field.shift_px, soft)
    return field, figures, slide


def why_refused(figures: Refinement, settings: RefineSettings) -> str:
    """Return why a refinement is not taken; empty if it is."""
    gain = figures.gain - figures.null_gain
    checks = (
        (gain > settings.min_gain, f"gain {gain:.3f} beyond another specimen's is too small"),
        (figures.bone_px <= MOST_BONE_PX, f"bone moves by {figures.bone_px:.2f} px"),
        (figures.folded < MOST_FOLDED, f"{figures.folded:.2%} of soft tissue folds"),
        (
            figures.return_px < MOST_RETURN_PX,
            f"there and back differ by {figures.return_px:.1f} px",
        ),
    )
    return "; ".join(sentence for right, sentence in checks if not right)
