"""What is known of each model without building it: title, loss components, patch sizes.

Imports no torch, because the workflow's plan reads it.
"""

from collections.abc import Iterable

from virtual_staining.errors import InputError
from virtual_staining.settings.train import TrainSettings

BASELINE = "raw_ct"
MODELS = {
    "paired_cyclegan": "Mod. CycleGAN (paired)",
    "pix2pix": "Pix2Pix",
    "cyclegan_inverted": "Std. CycleGAN + inv. CT",
    "cyclegan": "Std. CycleGAN",
    BASELINE: "Raw CT",
}
COMPONENTS = {
    "paired_cyclegan": ("gan", "cyc", "id", "px", "gs", "total"),
    "cyclegan": ("gan", "cyc", "id", "total"),
    "cyclegan_inverted": ("gan", "cyc", "id", "total"),
    "pix2pix": ("gan", "l1", "total"),
}


def in_order(models: Iterable[str]) -> list[str]:
    """Sort model ids: the paper's first, others by name, the baseline last."""
    known = list(MODELS)
    unknown = sorted(set(models) - set(known))
    return [m for m in [*known[:-1], *unknown, BASELINE] if m in set(models)]


def model_name(model: str) -> str:
    """Return a model's printed name (its id where it has none)."""
    return MODELS.get(model, model)


def components(settings: TrainSettings) -> tuple[str, ...]:
    """Return the generator loss components that a run computes.

    An identity loss of weight 0 is not among them: nothing but it needs its passes.
    """
    names = COMPONENTS[settings.model]
    return tuple(name for name in names if name != "id" or settings.lambda_id)


def check_model(settings: TrainSettings) -> None:
    """Refuse settings that cannot work together; single ranges are the schema's.

    Raises
    ------
    InputError
        Naming the key.
    """
    if settings.model not in COMPONENTS:
        raise InputError(f"model: unknown {settings.model!r}; known: {', '.join(COMPONENTS)}")
    halvings = settings.unet_depth if settings.model == "pix2pix" else 2
    if settings.patch_px % 2**halvings or settings.patch_px < 32:
        raise InputError(
            f"train.patch_px: {settings.patch_px} must be at least 32 and a multiple of "
            f"{2**halvings} for {settings.model}"
            + ("; or lower train.unet_depth" if settings.model == "pix2pix" else "")
        )
    known = ("last", *components(settings))
    if settings.infer_checkpoint not in known:
        raise InputError(
            f"train.infer_checkpoint: {settings.model} has no {settings.infer_checkpoint!r}; "
            f"choose one of {', '.join(known)}"
        )
