"""One sample's slides, and single training patches, through a trained model (paper 2.9)."""

from pathlib import Path

import numpy as np

from virtual_staining.artefacts.generator import Generators, Tiling
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.imaging import intensity
from virtual_staining.imaging.image_pair import TrainingPair, fill_outside
from virtual_staining.imaging.sampling.sampler import Sampler


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
