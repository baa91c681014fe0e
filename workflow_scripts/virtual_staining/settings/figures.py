"""The ``figures`` block: what the figures show."""

from typing import Annotated, ClassVar

from pydantic import Field

from virtual_staining.settings.base import Settings, key

SampleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class FiguresSettings(Settings):
    """What the figures show, and how finely.

    Figures are drawn from finished results, so any change here takes seconds.
    """

    block_name: ClassVar[str] = "figures"

    train_sample: SampleId | None = key(
        None,
        "training sample that the figures show; null: the first one",
        values="a sample id of the sheet, or null",
        only=("slides", "training_slide", "unmasked"),
    )
    validation_sample: SampleId | None = key(
        None,
        "validation sample that the figures show; null: the first one",
        values="a sample id of the sheet, or null",
        only=("slides", "models", "unmasked", "uncertainty", "resolution"),
    )
    test_sample: SampleId | None = key(
        None,
        "test sample that the figures show; null: the first one",
        values="a sample id of the sheet, or null",
        only=("slides", "models", "unmasked", "uncertainty", "resolution"),
    )
    roi_px: int = key(
        256,
        "side of the magnified region of interest",
        unit="pixels",
        paper="Fig. 5",
        only=("slides", "models", "training_slide", "unmasked", "uncertainty"),
        ge=16,
        le=4096,
    )
    scale_bar_um: float = key(
        500,
        "length of the scale bar; a shorter one is drawn where the image is small",
        unit="µm",
        paper="Fig. 5",
        only=("patches", "slides", "models", "training_slide", "unmasked", "uncertainty"),
        gt=0,
        le=1_000_000,
    )
    patches: int = key(
        4, "number of training patches shown", paper="Fig. 4a", only=("patches",), ge=1, le=100
    )
    dpi: int = key(200, "resolution of the PNG files", unit="dots per inch", ge=50, le=1200)
