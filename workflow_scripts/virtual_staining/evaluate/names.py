"""Models, subsets and metrics as a reader sees them, in one order everywhere (paper Table 1)."""

from collections.abc import Iterable
from dataclasses import dataclass

BASELINE = "raw_ct"
MODELS = {
    "paired_cyclegan": "Mod. CycleGAN (paired)",
    "pix2pix": "Pix2Pix",
    "cyclegan_inverted": "Std. CycleGAN + inv. CT",
    "cyclegan": "Std. CycleGAN",
    BASELINE: "Raw CT",
}
SUBSETS = {"train": "Training", "validation": "Validation", "test": "Testing"}


@dataclass(frozen=True)
class Metric:
    """A metric's column, its printed name, its better direction and its printed decimals."""

    column: str
    name: str
    unit: str
    higher_is_better: bool
    decimals: int

    @property
    def title(self) -> str:
        """Name, direction and unit, e.g. ``PSNR ↑ (dB)``."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.name} {'↑' if self.higher_is_better else '↓'}{unit}"


METRICS = (
    Metric("ssim", "SSIM", "", True, 2),
    Metric("lpips", "LPIPS", "", False, 2),
    Metric("psnr_db", "PSNR", "dB", True, 1),
)


def in_order(models: Iterable[str]) -> list[str]:
    """Sort model ids: the paper's first, others by name, the baseline last."""
    known = list(MODELS)
    unknown = sorted(set(models) - set(known))
    return [m for m in [*known[:-1], *unknown, BASELINE] if m in set(models)]


def model_name(model: str) -> str:
    """Return a model's printed name (its id where it has none)."""
    return MODELS.get(model, model)


def stain_name(stain: str) -> str:
    """Return a stain's printed name: ``toluidine_blue`` becomes ``Toluidine blue``."""
    return stain.replace("_", " ").capitalize()
