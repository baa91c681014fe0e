"""A study whose every job takes seconds."""

from workflow import TINY

STAIN = "toluidine_blue"
TRAIN = {
    "epochs": 2,
    "patches_per_pair": 4,
    "validation_patches_per_pair": 2,
    "batch": 2,
    "patch_px": 32,
    "features": 4,
    "residual_blocks": 1,
    "unet_depth": 5,
    "buffer_images": 3,
}
TILES = {"patch_px": 32, "step_px": 32}
COHORT = {"crossval": {"Mg": 2, "Ti": 0, "PEEK": 0}, "test": {"Mg": 1, "PEEK": 0}}
STUDY = {
    **TINY,
    "cohort": {**TINY["cohort"], "stains": {STAIN: COHORT}},
    "register": {"fan_starts": 128},
    "train": TRAIN,
    "infer": {**TILES, "training_patches": 2},
    "evaluate": {**TILES, "lpips": False, "bootstrap_resamples": 50},
    "figures": {"roi_px": 20, "patches": 2, "dpi": 50},
    "stain": TILES,
}
