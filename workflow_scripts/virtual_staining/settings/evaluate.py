"""The ``evaluate`` block: comparison of stained slides with real ones."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from virtual_staining.settings.base import LARGEST_SEED, Settings, key

SMALLEST_PATCH_PX = 32  # SqueezeNet's poolings leave nothing of a much smaller image


class EvaluateSettings(Settings):
    """Metrics of stained slides against real ones, patch by patch (paper 2.10).

    Metrics of different patch sizes cannot be compared: keep patch_px and step_px as they are to
    compare with the paper. LPIPS needs the weights of a network (see lpips_backbone); without a
    network connection name a file or set lpips to false.
    """

    block_name: ClassVar[str] = "evaluate"

    patch_px: int = key(
        256,
        "side of the square patches that are compared",
        unit="pixels",
        paper="2.10",
        only=("patches",),
        ge=SMALLEST_PATCH_PX,
        le=4096,
    )
    step_px: int = key(
        256,
        "distance of neighbouring patches; the paper names none, 256 is without overlap. Where it"
        " does not divide the slide, the patches move together evenly to cover all of it",
        unit="pixels",
        only=("patches",),
        ge=1,
        le=4096,
    )
    min_overlap: float = key(
        0.5,
        "smallest fraction of a patch that the mask must cover",
        paper="2.10",
        only=("patches",),
        ge=0,
        le=1,
    )
    min_part_overlap: float = key(
        0.1,
        "smallest fraction of a patch that bone, soft tissue or the ring around the implant must"
        " cover to be compared alone; LPIPS is measured from half a patch on",
        only=("patches",),
        ge=0,
        le=1,
    )
    ring_um: float = key(
        250,
        "width of the ring of tissue around the implant that is compared alone",
        unit="µm",
        only=("patches",),
        gt=0,
        le=100_000,
    )
    lpips: bool | Literal["if_given"] = key(
        True,
        "whether LPIPS is measured: true, false, or if_given (only where a file with the"
        " backbone's weights is given)",
        values="true, false or if_given",
        only=("metrics",),
    )
    lpips_backbone: str | None = key(
        None,
        "file with torchvision's squeezenet1_1 weights; null: the file that the environment"
        " variable LPIPS_BACKBONE names, or else torchvision's download",
        values="the path of a file, or null",
        only=("metrics",),
        pattern=r"^[^\x00]+$",
    )
    more_metrics: bool = key(
        False,
        "whether MS-SSIM, the stains' optical densities, colour histograms and, where LPIPS is"
        " measured, KID and the slides' resolution are measured too; takes twice as long",
        only=("metrics", "patches"),
    )
    checkpoints: bool = key(
        False,
        "whether a run also compares the kept weights of each training on its validation slides"
        " (08_evaluate/{stain}/checkpoints.md), for the choice of train.infer_checkpoint",
        paper="2.6.3",
        only=("workflow",),
    )
    structures: bool = key(
        False,
        "whether a run also measures bone-implant contact, bone in rings, degradation layer and"
        " residual metal on real and stained slides and their agreement"
        " (08_evaluate/{stain}/agreement.md), and on stained volumes (volumes.md)",
        only=("workflow",),
    )
    trust: bool = key(
        False,
        "whether a run also calibrates the uncertainty of stained slides on held-out slides"
        " (08_evaluate/{stain}/uncertainty.md); needs infer.flips: true",
        only=("workflow",),
    )
    alpha: float = key(
        0.1, "part of a slide's pixels that may be off by more", only=("trust",), gt=0, lt=1
    )
    delta: float = key(
        0.1, "part of new slides that may have more such pixels", only=("trust",), gt=0, lt=1
    )
    contact_gap_px: float = key(
        2,
        "bone this near to the implant touches it",
        unit="pixels",
        only=("structures",),
        ge=0,
        le=1000,
    )
    rings_um: tuple[Annotated[float, Field(gt=0, le=100_000)], ...] = key(
        (100, 250, 500),
        "outer radii of the rings around the implant in which bone is measured",
        unit="µm",
        values="rising numbers",
        only=("structures",),
        min_length=1,
        max_length=20,
    )
    bootstrap_resamples: int = key(
        1000,
        "number of resamples behind the intervals of the medians",
        only=("table",),
        ge=1,
        le=1_000_000,
    )
    bootstrap_interval: float = key(
        0.95, "coverage of these intervals", only=("table",), gt=0, lt=1
    )
    bootstrap_seed: int = key(1, "seed of the resampling", only=("table",), ge=0, le=LARGEST_SEED)

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield rings that do not grow."""
        if list(self.rings_um) != sorted(set(self.rings_um)):
            yield "rings_um", "each radius larger than the one before"
