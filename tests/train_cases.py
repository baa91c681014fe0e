"""Small training runs for the tests: settings, pairs and the files of a fold."""

import json
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.train import TrainSettings

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


def both_ways(fast: nn.Module, plain: nn.Module, image: torch.Tensor):
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


def write_fold(folder: Path, settings: TrainSettings, train=2, validation=1, test=1) -> list[str]:
    """Write pairs, folds and settings; return the arguments ``train`` needs for fold 1."""
    ids = []
    for seed in range(train + validation + test):
        pair = make_pair(seed)
        ids.append(pair.sample)
        write_image(folder / "n" / pair.sample / "ct.tif", pair.ct, 20.0)
        write_image(folder / "n" / pair.sample / "slide.tif", pair.slide, 20.0)
        mask = pair.mask.astype(np.uint8) * 255
        stats = {"slide": {"background_after_rgb": [240.2, 241, 242]}, "ct_background_after": 10000}
        write_json(folder / "n" / pair.sample / "stats.json", stats)
        write_image(folder / "m" / pair.sample / "mask.tif", mask, 20.0)
    fold = {"fold": 1, "train": ids[:train], "validation": ids[train : train + validation]}
    folds = {"stain": "x", "folds": [fold], "test": ids[train + validation :]}
    write_json(folder / "folds.json", folds)
    write_settings(folder, settings)
    return [
        *("train", "--settings", f"{folder}/settings.json", *fold_arguments(folder)),
        *("--resume-dir", f"{folder}/out/resume", "--out", f"{folder}/out"),
    ]


def write_settings(folder: Path, settings: TrainSettings) -> None:
    """Write the settings file."""
    (folder / "settings.json").write_text(json.dumps(vars(settings)), encoding="utf-8")


def fold_arguments(folder: Path) -> list[str]:
    """Arguments that ``train`` and ``infer`` share."""
    return [
        *("--folds", f"{folder}/folds.json", "--fold", "1"),
        *("--normalize-dir", f"{folder}/n", "--mask-dir", f"{folder}/m"),
    ]


def infer_arguments(folder: Path, **changes) -> list[str]:
    """Return the arguments that ``infer`` needs for ``generator.pt`` in the folder."""
    return [
        *("infer", "--generator", f"{folder}/generator.pt", *fold_arguments(folder)),
        *("--settings", json.dumps(INFER | changes), "--out", f"{folder}/infer"),
    ]
