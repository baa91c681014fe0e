"""The ``mask`` block: where CT and section show the same tissue."""

from typing import ClassVar, Literal

from virtual_staining.settings.base import Settings, key

KEEP = "keep"


class MaskSettings(Settings):
    """The correspondence mask, outside of which no loss and no metric is taken (paper 2.8).

    The paper gives no numbers. Look at 04_mask/*/qc.png before changing any: where the CT's outline
    misses tissue lower rigid_level, where it takes in soft tissue raise it. With reference_class
    Bone (block normalize) the outline holds bone and implant, with any other the whole specimen.
    """

    block_name: ClassVar[str] = "mask"

    rigid_level: float = key(
        0.37,
        "lowest CT level of rigid matter, on the way from background (0) to reference tissue (1);"
        " soft tissue lies below; implants below are found by their thickness and on the section",
        gt=0,
        lt=1,
    )
    opaque_absorbance: float = key(
        0.75,
        "absorbance (log10) in R, G and B above which the normalized slide shows implant",
        ge=0,
        le=10,
        only=("mask",),
    )
    smooth_um: float = key(
        10,
        "sigma of the Gaussian blur before thresholds, at least one pixel",
        unit="µm",
        ge=0,
        le=10_000,
    )
    min_thickness_um: float = key(
        60,
        "pieces smaller than this do not count: dust, fibres, fringes; lost bone must be wider",
        unit="µm",
        ge=0,
        le=10_000,
    )
    min_component: float = key(
        0.02, "pieces smaller than this fraction of the largest one do not count", gt=0, lt=1
    )
    holes: Literal["exclude", "keep"] = key(
        "exclude",
        "whether the place of an implant that a section has lost, as hematoxylin-eosin sections do,"
        " leaves the mask: the CT shows the implant and the section clear glass",
        paper="2.8",
        only=("mask",),
    )
    margin_um: float = key(
        25, "background that is kept around the outline", unit="µm", paper="2.8", ge=0, le=10_000
    )
