"""The ``normalize`` block: common grey and colour levels."""

from collections.abc import Iterator
from typing import ClassVar

from virtual_staining.settings.base import Settings, key

BONE = "Bone"


class NormalizeSettings(Settings):
    """Common grey and colour levels of all pairs (paper 2.5).

    The levels are the paper's and belong to train.ct_white; leave them as they are. Where the
    outlines in 03_normalize/*/qc.png are wrong, draw annotations rather than change the lengths
    here. Specimens without bone need a reference_class of another name.
    """

    block_name: ClassVar[str] = "normalize"

    reference_class: str = key(
        BONE,
        "tissue whose grey level is fixed, also the name of its class in annotations; any name"
        " but Bone stands for the whole specimen",
        values="a name of at most 100 characters",
        pattern=r"^[^\x00-\x1f]{1,100}$",
    )
    bone_mean: float = key(
        30000,
        "mean CT grey level of the reference tissue afterwards",
        unit="16-bit grey levels",
        paper="2.5",
        ge=0,
        le=65535,
    )
    background_mean: float = key(
        10000,
        "mean CT grey level of air afterwards",
        unit="16-bit grey levels",
        paper="2.5",
        ge=0,
        le=65535,
    )
    low_percentile: float = key(
        1,
        "percentile of the slide's intensities in mature and in new bone; the lower contrast bound"
        " starts at the darker of the two",
        unit="%",
        paper="2.5",
        ge=0,
        le=100,
        only=("normalize",),
    )
    high_percentile: float = key(
        99,
        "percentile of the slide's background intensities at which the upper contrast bound starts",
        unit="%",
        paper="2.5",
        ge=0,
        le=100,
        only=("normalize",),
    )
    low_margin: float = key(
        15,
        "distance of the lower bound below that percentile, the paper's c (the paper names no"
        " value)",
        unit="8-bit levels",
        paper="2.5",
        ge=-255,
        le=255,
        only=("normalize",),
    )
    high_margin: float = key(
        5,
        "distance of the upper bound above that percentile, the paper's c' (the paper names no"
        " value)",
        unit="8-bit levels",
        paper="2.5",
        ge=-255,
        le=255,
        only=("normalize",),
    )
    low_clamp: float = key(
        10,
        "the lower bound is at least this",
        unit="8-bit levels",
        paper="2.5",
        ge=0,
        le=255,
        only=("normalize",),
    )
    high_clamp: float = key(
        255,
        "the upper bound is at most this",
        unit="8-bit levels",
        paper="2.5",
        ge=0,
        le=255,
        only=("normalize",),
    )
    erode_um: float = key(
        15,
        "distance of automatic regions from every boundary; at least one pixel",
        unit="µm",
        ge=0,
        le=10_000,
        only=("normalize", "levels"),
    )
    smooth_um: float = key(
        7.5,
        "sigma of the Gaussian blur before thresholds, at least one pixel; means are taken"
        " without it",
        unit="µm",
        ge=0,
        le=10_000,
        only=("normalize", "levels"),
    )
    implant_margin_um: float = key(
        250,
        "distance of automatic bone from the implant, its degradation layer and the new bone on it",
        unit="µm",
        ge=0,
        le=10_000,
        only=("normalize",),
    )
    opaque_absorbance: float = key(
        0.75,
        "absorbance (log10) in R, G and B above which the slide shows implant",
        ge=0,
        le=10,
        only=("normalize", "levels"),
    )
    min_roi_px: int = key(
        100,
        "fewest pixels of a region; with fewer the run stops and asks for annotations",
        unit="pixels",
        ge=1,
        le=100_000_000,
        only=("normalize", "levels"),
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield levels and bounds in the wrong order."""
        if self.background_mean >= self.bone_mean:
            yield "bone_mean", f"above background_mean ({self.background_mean:g})"
        if self.low_clamp >= self.high_clamp:
            yield "low_clamp", f"below high_clamp ({self.high_clamp:g})"
