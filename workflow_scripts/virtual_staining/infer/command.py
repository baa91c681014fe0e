"""``infer``: every sample of a stain through one trained model, as whole slides (paper 2.9)."""

import argparse
import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.generator import Generators, Tiling, load_generators
from virtual_staining.artefacts.pair import background_levels, load_pair, pair_files
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import pixel_size_um, write_image
from virtual_staining.imaging import intensity
from virtual_staining.imaging.image_pair import TrainingPair, fill_outside
from virtual_staining.imaging.sampling.sampler import Sampler
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import from_json
from virtual_staining.settings.infer import InferSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``infer``."""
    parser.add_argument("--generator", type=Path, required=True, help="generator.pt of train")
    parser.add_argument("--folds", type=Path, required=True, help="folds.json of the split")
    parser.add_argument("--fold", type=int, required=True, help="number of the fold, from 1")
    parser.add_argument("--normalize-dir", type=Path, required=True, help="normalized pairs")
    parser.add_argument("--mask-dir", type=Path, required=True, help="correspondence masks")
    parser.add_argument("--settings", required=True, help="JSON of the infer settings")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Stain all samples and write the fold's folder in one go.

    Raises
    ------
    InputError
        If an input is missing or does not fit.
    """
    set_up_processor(args.threads)
    settings = from_json(InferSettings, args.settings, "infer")
    tiling = Tiling(settings.patch_px, settings.step_px, settings.batch_patches)
    fold = read_fold(args.folds, args.fold)
    device = choose_device()
    generators = load_generators(args.generator, device)
    generators.check_patch(settings.patch_px)
    with replacing(args.out) as folder:
        folder.mkdir()
        for number, sample in enumerate(fold.samples, start=1):
            pair = load_pair(sample, args.normalize_dir, args.mask_dir)
            files = pair_files(sample, args.normalize_dir, args.mask_dir)
            levels = background_levels(args.normalize_dir / sample / "stats.json")
            pixel_um = pixel_size_um(files["ct"])
            write_sample(generators, pair, tiling, levels, folder / sample, pixel_um)
            log.info("%d/%d %s stained", number, len(fold.samples), sample)
        training = [load_pair(s, args.normalize_dir, args.mask_dir) for s in fold.train]
        patches = direct_patches(generators, training, settings.training_patches)
        np.savez_compressed(folder / "training_patches.npz", **patches)


def write_sample(
    generators: Generators,
    pair: TrainingPair,
    tiling: Tiling,
    background: tuple[int, np.ndarray],
    folder: Path,
    pixel_um: float,
) -> None:
    """Write one sample's virtual slide, its spread and, if the model has it, its virtual CT.

    ``background`` is the grey level and the colour that replace everything outside the mask.
    """
    slide, spread = generators.slide_from_ct(pair.ct, tiling)
    images = {"slide": slide, "spread": spread}
    images["slide_masked"] = fill_outside(slide, pair.mask, background[1])
    if generators.reversible:
        images["ct"] = generators.ct_from_slide(pair.slide, tiling)
        images["ct_masked"] = fill_outside(images["ct"], pair.mask, background[0])
    for name, image in images.items():
        write_image(folder / f"{name}.tif", image, pixel_um)


def direct_patches(generators: Generators, training: list[TrainingPair], count: int) -> dict:
    """Pass single training patches through the model, each at least half inside the mask.

    Returns
    -------
    dict
        ``ct`` uint16 (n, y, x), ``slide`` uint8 (n, y, x, 3), ``mask`` bool (n, y, x),
        ``fake_slide`` like slide and, unless Pix2Pix, ``fake_ct`` like ct.
    """
    s = generators.settings
    sampler = Sampler(training, s.patch_px, 1, 0.0, 0.0, False, 0.5, generators.window, "cpu")
    plans = [sampler.plan(s.seed, epoch) for epoch in range(-(-count // len(training)))]
    batches = [sampler.batch(plan, slice(None)) for plan in plans]
    whole = Tiling(s.patch_px, s.patch_px, 1)
    columns: dict[str, list] = {}
    for batch in batches:
        for ct, slide, mask in zip(batch.ct, batch.slide, batch.mask, strict=True):
            row = {
                "ct": intensity.network_to_ct(ct[0].numpy(), generators.window),
                "slide": intensity.network_to_slide(slide.permute(1, 2, 0).numpy()),
                "mask": mask[0].numpy() > 0,
            }
            row["fake_slide"], _ = generators.slide_from_ct(row["ct"], whole)
            if generators.reversible:
                row["fake_ct"] = generators.ct_from_slide(row["slide"], whole)
            for key, image in row.items():
                columns.setdefault(key, []).append(image)
    return {key: np.stack(images[:count]) for key, images in columns.items()}
