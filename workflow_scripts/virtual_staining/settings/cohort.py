"""Settings of the synthetic cohort."""

from dataclasses import dataclass, field

from virtual_staining.errors import InputError

MATERIALS = ("Mg", "Ti", "PEEK")
STAINS = ("toluidine_blue", "hematoxylin_eosin")
ROLES = ("crossval", "test")
CT_FORMATS = ("tiff_folder", "bigtiff", "hdf5")
CT_DTYPES = ("uint16", "uint8", "float32")
SLIDE_FORMATS = ("ome_tiff", "png")
PLANES = ("screw", "any")


def _paper_counts() -> dict:
    return {
        "toluidine_blue": {
            "crossval": {"Mg": 36, "Ti": 5, "PEEK": 9},
            "test": {"Mg": 2, "PEEK": 1},
        }
    }


@dataclass(frozen=True)
class CohortSettings:
    """Keys of the ``cohort`` block; lengths are real sizes whatever the voxel (paper 2.1–2.4).

    Parameters
    ----------
    stains : dict
        ``{stain: {role: {material: count}}}``; role ``crossval`` or ``test``.
    block_mm : float
        Edge of the scanned cube, mm.
    voxel_size_um : float
        CT voxel, µm.
    slide_pixel_um : float
        Slide pixel, µm.
    section_thickness_um : float
        Thickness of the ground section that the stain is averaged through, µm.
    plane : str
        ``screw`` (near the screw's long axis) or ``any`` (uniformly oblique).
    plane_tilt_deg : float
        Largest angle between the ``screw`` plane and the screw axis, degrees.
    plane_offset_mm : float
        Largest distance of the plane from the block's middle, mm.
    scale_max, shear_max, shear_max_he : float
        Largest section distortion (fractions); the last for hematoxylin_eosin.
    soft_shift_um : float
        Largest displacement of soft tissue on the slide, µm.
    partial_fraction, mirrored_fraction, annotated_fraction : float
        Fractions of the samples with a partial field, seen from behind, with annotations.
    full_field_mm, partial_field_mm : tuple of float
        Slide width and height, mm.
    pose_error_deg, pose_error_mm : float
        Largest error of the rough first pose.
    ct_formats, ct_dtypes, slide_formats : tuple of str
        Containers and sample types, taken in turn over the cohort.
    """

    stains: dict = field(default_factory=_paper_counts)
    block_mm: float = 6.0
    voxel_size_um: float = 5.0
    slide_pixel_um: float = 0.88
    section_thickness_um: float = 40.0
    plane: str = "screw"
    plane_tilt_deg: float = 4.0
    plane_offset_mm: float = 0.2
    scale_max: float = 0.03
    shear_max: float = 0.01
    shear_max_he: float = 0.04
    soft_shift_um: float = 60.0
    partial_fraction: float = 0.3
    mirrored_fraction: float = 0.3
    annotated_fraction: float = 0.5
    full_field_mm: tuple[float, float] = (6.0, 6.0)
    partial_field_mm: tuple[float, float] = (2.5, 4.5)
    pose_error_deg: float = 3.0
    pose_error_mm: float = 0.3
    ct_formats: tuple[str, ...] = CT_FORMATS
    ct_dtypes: tuple[str, ...] = CT_DTYPES
    slide_formats: tuple[str, ...] = SLIDE_FORMATS

    def __post_init__(self) -> None:
        """Refuse values outside their range, naming the key.

        Raises
        ------
        InputError
            If a name is unknown or a number out of range.
        """
        for stain, roles in self.stains.items():
            _known("stains", stain, STAINS)
            for role, counts in roles.items():
                _known(f"stains.{stain}", role, ROLES)
                for material, count in counts.items():
                    _known(f"stains.{stain}.{role}", material, MATERIALS)
                    if not isinstance(count, int) or count < 0:
                        _refuse(f"stains.{stain}.{role}.{material}", count, "a whole number ≥ 0")
        _known("plane", self.plane, PLANES)
        for key, known in (
            ("ct_formats", CT_FORMATS),
            ("ct_dtypes", CT_DTYPES),
            ("slide_formats", SLIDE_FORMATS),
        ):
            if not getattr(self, key):
                _refuse(key, [], "a list with at least one entry")
            for value in getattr(self, key):
                _known(key, value, known)
        for key in ("block_mm", "voxel_size_um", "slide_pixel_um", "section_thickness_um"):
            if not getattr(self, key) > 0:
                _refuse(key, getattr(self, key), "positive")
        for key in ("full_field_mm", "partial_field_mm"):
            if len(getattr(self, key)) != 2 or not min(getattr(self, key)) > 0:
                _refuse(key, getattr(self, key), "two positive lengths")
        for key in ("partial_fraction", "mirrored_fraction", "annotated_fraction"):
            if not 0 <= getattr(self, key) <= 1:
                _refuse(key, getattr(self, key), "between 0 and 1")
        for key in ("scale_max", "shear_max", "shear_max_he"):
            if not 0 <= getattr(self, key) < 0.2:
                _refuse(key, getattr(self, key), "at least 0 and below 0.2")
        for key in (
            *("plane_tilt_deg", "plane_offset_mm", "soft_shift_um"),
            *("pose_error_deg", "pose_error_mm"),
        ):
            if not getattr(self, key) >= 0:
                _refuse(key, getattr(self, key), "at least 0")
        if 1000 * self.block_mm / self.voxel_size_um < 8:
            _refuse("voxel_size_um", self.voxel_size_um, "at most an eighth of block_mm")

    @property
    def block_px(self) -> int:
        """Voxels along each edge of the cube."""
        return round(1000 * self.block_mm / self.voxel_size_um)


def _known(key: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        _refuse(key, value, f"one of {', '.join(known)}")


def _refuse(key: str, value: object, wanted: str) -> None:
    raise InputError(f"cohort: {key}: {value!r} must be {wanted}")
