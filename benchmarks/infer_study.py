"""Part of ``benchmarks/infer.py``: slides of a finished study, the product's way and MONAI's.

The product stains whole planes, as the demo and the hour's study do, with the fast layers and
without mirror images. MONAI slides a window of the training's patch size at its own default overlap
(a quarter) over the same plane with the same weights. The score is SSIM against the real slide,
mean over the mask; times are processor time on one core.
"""

import statistics
import time

import numpy as np
import torch

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.evaluate.metrics.ssim import ssim
from virtual_staining.imaging.intensity import network_to_slide
from virtual_staining.models.build import build_generators
from virtual_staining.settings.tiling import TilingSettings

BATCH = 8
OVERLAP = 0.25  # MONAI's default


def plain_network(path, settings):
    """The generator of slides without the fast layers."""
    network = dict(build_generators(settings))["slide"].eval()
    content = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(content["generators"]["forward"])
    return network


def study_figures(root, sliding_window, rounds):
    """Figures of the held-out slides of the first model and fold of a study."""
    results, (folder, *_) = Results(root), sorted(root.glob("07_infer/*/*/fold-*"))
    stain, model = folder.parts[-3:-1]
    number = int(folder.name.split("-")[1])
    fold = read_fold(results.split(stain).folds, number)
    path = results.trained(stain, model, number).generator
    generators = load_generators(path, torch.device("cpu"))
    plain, patch_px = plain_network(path, generators.settings), generators.settings.patch_px
    tiling = TilingSettings(whole_planes=True)

    def monai(ct):
        plane = generators.ct_to_network(ct)[None]
        mean = sliding_window(plane, (patch_px, patch_px), BATCH, plain, OVERLAP)[0]
        return network_to_slide(mean).permute(1, 2, 0).numpy()

    ways = {"product": lambda ct: generators.slide_from_ct(ct, tiling)[0], "monai": monai}
    ratios, scores = [], {name: [] for name in ways}
    for sample in (*fold.validation, *fold.test):
        pair = read_training_pair(results, sample)
        seconds = dict.fromkeys(ways, float("inf"))
        for _ in range(rounds):
            for name, way in ways.items():
                start = time.process_time()
                image = way(pair.ct)
                seconds[name] = min(seconds[name], time.process_time() - start)
                found = ssim(pair.slide, np.ascontiguousarray(image), pair.mask)
                scores[name].append(found)
        ratios.append(seconds["monai"] / seconds["product"])
    return {
        "product_speedup_vs_monai": statistics.median(ratios),
        "product_ssim": float(np.mean(scores["product"])),
        "monai_ssim": float(np.mean(scores["monai"])),
        "slides": len(ratios),
    }
