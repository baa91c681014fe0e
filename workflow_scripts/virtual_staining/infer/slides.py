"""One sample's slides, and single training patches, through a trained model (paper 2.9)."""

import numpy as np

from virtual_staining.artefacts.generator import Generators
from virtual_staining.artefacts.stained_slide import StainedSlide
from virtual_staining.imaging import intensity
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.sampling.sampler import Sampler
from virtual_staining.settings.infer import InferSettings
from virtual_staining.settings.tiling import TilingSettings


def stain_pair(generators: Generators, pair: TrainingPair, settings: InferSettings) -> StainedSlide:
    """Stain a pair's CT and, if the model has the reverse direction, make CT of its slide."""
    slide, spread = generators.slide_from_ct(pair.ct, settings, settings.texture)
    ct = generators.ct_from_slide(pair.slide, settings) if generators.reversible else None
    return StainedSlide(slide, spread, ct)


def direct_patches(generators: Generators, training: list[TrainingPair], count: int) -> dict:
    """Pass single training patches through the model.

    At least half of each patch lies inside the mask.

    Returns
    -------
    dict
        ``ct`` uint16 (n, y, x), ``slide`` uint8 (n, y, x, 3), ``mask`` bool (n, y, x),
        ``fake_slide`` like slide and, unless Pix2Pix, ``fake_ct`` like ct; ``sample``, the name
        of each patch's sample.
    """
    s = generators.settings
    sampler = Sampler(training, s.patch_px, 1, 0.0, 0.0, False, 0.5, generators.window, "cpu")
    plans = [sampler.plan(s.seed, epoch) for epoch in range(-(-count // len(training)))]
    batches = [sampler.batch(plan, slice(None)) for plan in plans]
    single = TilingSettings(patch_px=s.patch_px, step_px=s.patch_px)
    columns: dict[str, list] = {}
    for plan, batch in zip(plans, batches, strict=True):
        for k, ct, slide, mask in zip(plan.pair, batch.ct, batch.slide, batch.mask, strict=True):
            row = {
                "sample": training[k].sample,
                "ct": intensity.network_to_ct(ct[0].numpy(), generators.window),
                "slide": intensity.network_to_slide(slide.permute(1, 2, 0).numpy()),
                "mask": mask[0].numpy() > 0,
            }
            row["fake_slide"], _ = generators.slide_from_ct(row["ct"], single)
            if generators.reversible:
                row["fake_ct"] = generators.ct_from_slide(row["slide"], single)
            for key, value in row.items():
                columns.setdefault(key, []).append(value)
    return {key: np.stack(values[:count]) for key, values in columns.items()}
