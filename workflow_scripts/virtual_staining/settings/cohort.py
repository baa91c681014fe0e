"""The ``cohort`` block: the synthetic cohort."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from virtual_staining.settings.base import Settings, key

MATERIALS = ("Mg", "Ti", "PEEK")
STAINS = ("toluidine_blue", "hematoxylin_eosin")
ROLES = ("crossval", "test")
CtFormat = Literal["tiff_folder", "bigtiff", "hdf5"]
CtDtype = Literal["uint16", "uint8", "float32"]
SlideFormat = Literal["ome_tiff", "png"]
CT_FORMATS, CT_DTYPES, SLIDE_FORMATS = map(get_args, (CtFormat, CtDtype, SlideFormat))
MOST_SAMPLES = 10_000  # planning 5,000 takes a minute
LARGEST_SIDE_PX = 20_000  # of a synthetic volume or slide

Count = Annotated[int, Field(ge=0, le=MOST_SAMPLES)]
Counts = dict[
    Literal["toluidine_blue", "hematoxylin_eosin"],
    dict[Literal["crossval", "test"], dict[Literal["Mg", "Ti", "PEEK"], Count]],
]
Energy = Annotated[float, Field(ge=20, le=50)]
Shift = Annotated[float, Field(ge=0, le=200)]
Length = Annotated[float, Field(gt=0, le=100)]
PAPER_COUNTS = {
    "toluidine_blue": {
        "crossval": {"Mg": 36, "Ti": 5, "PEEK": 9},
        "test": {"Mg": 2, "PEEK": 1},
    }
}


class CohortSettings(Settings):
    """The synthetic cohort, used while samples is null.

    Every number is a real size and independent of the voxel size, so a coarser voxel_size_um gives
    the same specimens with less detail: this is the key to change for a faster trial. The other
    values imitate the paper's specimens (paper 2.1 to 2.4); change them to test how the workflow
    copes with other specimens.
    """

    block_name: ClassVar[str] = "cohort"

    stains: Counts = key(
        PAPER_COUNTS,
        "number of samples by stain, role and material; hematoxylin_eosin is the other stain. The"
        " paper has 38 Mg, 5 Ti and 10 PEEK, of which 2 Mg and 1 PEEK are for testing",
        paper="2.4",
    )
    block_mm: float = key(6, "edge of the scanned cube", unit="mm", paper="2.2", gt=0, le=100)
    voxel_size_um: float = key(
        5,
        "edge of a CT voxel, after the paper's downsampling",
        unit="µm",
        paper="2.2",
        gt=0,
        le=1000,
    )
    slide_pixel_um: float = key(
        0.88, "edge of a slide pixel (5x objective)", unit="µm", paper="2.2", gt=0, le=1000
    )
    energy_kev: tuple[Energy, Energy] = key(
        (25, 45),
        "range of the photon energy, which varies from scan to scan",
        unit="keV",
        paper="2.2",
    )
    section_thickness_um: float = key(
        40,
        "thickness of the section that the stain is averaged through",
        unit="µm",
        paper="2.1",
        gt=0,
        le=1000,
    )
    plane: Literal["screw", "any"] = key(
        "screw",
        "screw: sections near the screw's long axis; any: sections in any orientation",
        paper="2.1",
    )
    plane_tilt_deg: float = key(
        4,
        "largest angle between a section of plane screw and the screw's axis",
        unit="degrees",
        ge=0,
        le=90,
    )
    plane_offset_mm: float = key(
        0.2, "largest distance of the section from the block's middle", unit="mm", ge=0, le=50
    )
    scale_max: float = key(0.03, "largest stretch of a section, as a fraction", ge=0, lt=0.2)
    shear_max: float = key(
        0.01, "largest shear of a toluidine blue section, as a fraction", paper="2.3", ge=0, lt=0.2
    )
    shear_max_he: float = key(
        0.04,
        "largest shear of a hematoxylin-eosin section, as a fraction",
        paper="2.3",
        ge=0,
        lt=0.2,
    )
    bone_distortion_rms_um: tuple[Shift, Shift] = key(
        (10, 20),
        "range of the smooth distortion that the whole section, bone included, has in its plane,"
        " as a root mean square",
        unit="µm",
    )
    plane_bend_um: float = key(
        10, "largest departure of the section from its plane", unit="µm", ge=0, le=1000
    )
    soft_shift_um: float = key(
        60, "largest further displacement of soft tissue on the slide", unit="µm", ge=0, le=1000
    )
    partial_fraction: float = key(
        0.3, "fraction of the samples whose slide shows a partial field", ge=0, le=1
    )
    mirrored_fraction: float = key(
        0.3, "fraction of the sections that are seen from behind", ge=0, le=1
    )
    annotated_fraction: float = key(
        0.5, "fraction of the samples with QuPath annotations", ge=0, le=1
    )
    full_field_mm: tuple[Length, Length] = key(
        (6, 6), "width and height of a full slide", unit="mm", paper="2.2"
    )
    partial_field_mm: tuple[Length, Length] = key(
        (2.5, 4.5), "width and height of a partial slide", unit="mm", paper="2.2"
    )
    pose_error_deg: float = key(
        3, "largest error of the rough pose's orientation", unit="degrees", ge=0, le=180
    )
    pose_error_mm: float = key(
        0.3, "largest error of the rough pose's position", unit="mm", ge=0, le=100
    )
    ct_formats: tuple[CtFormat, ...] = key(
        CT_FORMATS, "containers of the volumes, taken in turn", min_length=1, max_length=20
    )
    ct_dtypes: tuple[CtDtype, ...] = key(
        CT_DTYPES, "number types of the volumes, taken in turn", min_length=1, max_length=20
    )
    slide_formats: tuple[SlideFormat, ...] = key(
        SLIDE_FORMATS, "containers of the slides, taken in turn", min_length=1, max_length=20
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield sizes that make no volume or slide, or one too large to handle."""
        side = 1000 * self.block_mm / self.voxel_size_um
        if not 8 <= side <= LARGEST_SIDE_PX:
            yield (
                "voxel_size_um",
                (f"such that block_mm ({self.block_mm:g} mm) has 8 to {LARGEST_SIDE_PX} voxels"),
            )
        field = max(*self.full_field_mm, *self.partial_field_mm)
        least = min(*self.full_field_mm, *self.partial_field_mm)
        if 1000 * field / self.slide_pixel_um > LARGEST_SIDE_PX:
            yield (
                "slide_pixel_um",
                (f"such that a slide of {field:g} mm has at most {LARGEST_SIDE_PX} pixels a side"),
            )
        if 1000 * least / self.slide_pixel_um < 8:
            yield "slide_pixel_um", f"such that a slide of {least:g} mm has 8 pixels a side or more"
        if self.plane_offset_mm > self.block_mm / 2:
            yield "plane_offset_mm", f"at most half of block_mm ({self.block_mm:g} mm)"
        for name in ("energy_kev", "bone_distortion_rms_um"):
            low, high = getattr(self, name)
            if low > high:
                yield name, "two numbers, the smaller one first"
        counts = [n for roles in self.stains.values() for m in roles.values() for n in m.values()]
        if not 1 <= sum(counts) <= MOST_SAMPLES:
            yield "stains", f"1 to {MOST_SAMPLES} samples in all"

    @property
    def block_px(self) -> int:
        """Voxels along each edge of the cube."""
        return round(1000 * self.block_mm / self.voxel_size_um)
