"""Small training runs for the tests: settings, pairs and the files of a fold."""

import json
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from virtual_staining.artefacts.folders import TrainedFolder
from virtual_staining.artefacts.folds import Folds, write_folds
from virtual_staining.artefacts.pair import write_mask, write_normalized_pair
from virtual_staining.artefacts.pair_stats import CTStats, PairStats, RegionStats, SlideStats
from virtual_staining.artefacts.paths import Results
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.train import TrainSettings

STAIN = "toluidine_blue"
ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["train"]
TINY = {
    "seed": 3,
    "epochs": 2,
    "patches_per_pair": 4,
    "batch": 2,
    "patch_px": 32,
    "features": 4,
    "residual_blocks": 1,
    "unet_depth": 5,
    "buffer_images": 3,
    "validation_patches_per_pair": 2,
}
INFER = {"patch_px": 32, "step_px": 16, "batch_patches": 4, "training_patches": 3}


def tiny(model: str = "paired_cyclegan", **changes) -> TrainSettings:
    """Settings of a run of seconds."""
    return from_dict(TrainSettings, {**DEFAULTS, **TINY, "model": model, **changes})


def make_pair(seed: int, shape=(50, 44)) -> TrainingPair:
    """Random blobs of bone and soft tissue in a disc, grey and coloured alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    disc = np.hypot(y / shape[0] - 0.5, x / shape[1] - 0.5) < 0.45
    bone = (np.sin(y / 4 + rng.uniform(0, 6)) + np.sin(x / 5 + rng.uniform(0, 6)) > 0) & disc
    ct = np.where(bone, 30000, np.where(disc, 15000, 10000)) + rng.normal(0, 500, shape)
    slide = np.full((*shape, 3), 240)
    slide[disc] = (150, 180, 215)
    slide[bone] = (190, 140, 200)
    return TrainingPair(f"s{seed}", ct.astype(np.uint16), slide.astype(np.uint8), disc)


def outputs_and_gradients(fast: nn.Module, plain: nn.Module, image: torch.Tensor):
    """Return pairs of what two layers of the same weights give: output and all gradients."""
    plain.to(image).load_state_dict(fast.state_dict())
    results = []
    for module in (fast, plain):
        module.zero_grad()
        x = image.clone().requires_grad_()
        out = module(x)
        weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
        (out * weights).sum().backward()
        results.append([out, x.grad, *(p.grad for p in module.parameters())])
    return zip(*results, strict=True)


def write_pair(results: Results, pair: TrainingPair, pixel_um: float = 20.0) -> None:
    """Write a normalized pair and its mask as the stages before do."""
    ct = CTStats(1.0, 0.0, 30000.0, 10000.0, 30000.0, 10000.0)
    slide = SlideStats([240.0] * 3, [1.0] * 3, 10.0, 255.0, [240.2, 241.0, 242.0], {})
    roi = RegionStats("Bone", "automatic", "automatic", 99, 99, 99, 99, {})
    stats = PairStats(ct, slide, ct_background_after=10000.0, roi=roi, warnings=[])
    write_normalized_pair(results.normalized(pair.sample), pair.ct, pair.slide, pixel_um, stats)
    tissue = np.where(pair.mask, Tissue.SOFT, Tissue.OUTSIDE).astype(np.uint8)
    write_mask(results.mask(pair.sample), pair.mask, tissue, pixel_um)


def write_fold(root: Path, settings: TrainSettings, train=2, validation=1, test=1) -> list[str]:
    """Write pairs, folds and settings; return the arguments that train fold 1."""
    results = Results(root)
    pairs = [make_pair(seed) for seed in range(train + validation + test)]
    for pair in pairs:
        write_pair(results, pair)
    write_split(results, [pair.sample for pair in pairs], train, validation)
    write_settings(root, settings)
    return ["train", "--settings", f"{root}/settings.json", *fold_arguments(root)]


def write_split(results: Results, ids: list[str], train: int, validation: int) -> None:
    """Write one fold: the first ids train, the next ones validate, the others test."""
    fold = {"fold": 1, "train": ids[:train], "validation": ids[train : train + validation]}
    folds = Folds(
        stain=STAIN,
        seed=1,
        folds=[fold],
        test=ids[train + validation :],
        material=dict.fromkeys(ids, "Mg"),
        group={name: name for name in ids},
        images=dict.fromkeys(ids, ""),
        tissue=dict.fromkeys(ids, ""),
        dropped=[],
    )
    write_folds(results.split(STAIN), folds)


def write_settings(root: Path, settings: TrainSettings) -> None:
    """Write the settings file."""
    (root / "settings.json").write_text(json.dumps(vars(settings)), encoding="utf-8")


def fold_arguments(root: Path) -> list[str]:
    """Arguments that ``train`` and ``infer`` share."""
    return ["--results", str(root), "--stain", STAIN, "--fold", "1"]


def infer_arguments(root: Path, model: str, **changes) -> list[str]:
    """Return the arguments that stain fold 1's slides with its trained model."""
    settings = json.dumps(INFER | changes)
    return ["infer", "--model", model, *fold_arguments(root), "--settings", settings]


def trained(root: Path, model: str = "paired_cyclegan") -> TrainedFolder:
    """Return what a training of fold 1 leaves."""
    return Results(root).trained(STAIN, model, 1)
