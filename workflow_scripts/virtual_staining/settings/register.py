"""The ``register`` block: the search for a section's plane in its volume."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from virtual_staining.settings.base import Settings, key

Starts = Annotated[int, Field(ge=2, le=100_000)]
Beam = tuple[Starts, ...]
SEARCHING = ("auto", "initial_pose", "block")


class RegisterSettings(Settings):
    """The search for each section's plane in its volume by mutual information (paper 2.3).

    The defaults find sections of a few millimetres in volumes of bone and implant. Before changing
    the search, look at results/02_register/qc.html: where sections are unsure, a rough pose or
    landmarks in the sheet (mode initial_pose) help more than a longer search. Larger specimens need
    a coarser coarse_um, smaller ones a finer scan_step_um.
    """

    block_name: ClassVar[str] = "register"

    mode: Literal["auto", "initial_pose", "fixed"] = key(
        "auto",
        "auto: search everywhere, together with the other sections of the block that the sheet"
        " names; initial_pose: search around the sheet's rough pose or landmarks; fixed: take that"
        " pose as it is. The sheet's register_mode overrules this for a single section",
        only=("auto", "initial_pose", "fixed"),
    )
    section_thickness_um: float = key(
        40,
        "thickness of the section that the CT is averaged through; 0 takes a single plane",
        unit="µm",
        paper="2.1",
        ge=0,
        le=1000,
    )
    searches: int = key(
        4,
        "largest number of independent searches; they end when two agree on a sure result",
        only=SEARCHING,
        ge=2,
        le=20,
    )
    min_confidence: float = key(
        0.5, "confidence (0 to 1) below which a result is unsure", ge=0, le=1
    )
    unsure: Literal["drop", "stop", "keep"] = key(
        "drop",
        "what becomes of an unsure section; drop: it is left out of all folds; stop: the run ends"
        " before any training; keep: it is used like the others",
        only=("split",),
    )
    failed: Literal["stop", "drop"] = key(
        "stop",
        "what becomes of a section that cannot be registered at all, because of its pose,"
        " landmarks or files; stop: its job fails, and nothing of its stain is trained; drop: it is"
        " left out of everything, and the run says so",
        only=("split",),
    )
    max_scale: float = key(
        0.05,
        "stretch, as a fraction, beyond which a result is flagged; the search tries little more"
        " than this",
        paper="2.3",
        ge=0,
        le=1,
    )
    max_shear: float = key(
        0.05,
        "shear, as a fraction, beyond which a result is flagged; the search tries little more"
        " than this. The paper saw less than 0.01 with toluidine blue, up to 0.04 with H&E",
        paper="2.3",
        ge=0,
        le=1,
    )
    coarse_um: float = key(
        160,
        "voxel size at which the search starts; the nearest that halving gives is used",
        unit="µm",
        ge=0.1,
        le=100_000,
    )
    fine_um: float = key(
        20,
        "voxel size at which the search ends; the pair itself is cut from the finest voxels",
        unit="µm",
        ge=0.1,
        le=100_000,
    )
    colour_classes: int = key(
        8,
        "number of colours that the section is reduced to before it is compared with grey values",
        ge=2,
        le=32,
    )
    grey_bins: int = key(32, "number of grey bins of the joint histogram", ge=4, le=128)
    scan_rotations: int = key(
        2000,
        "mode auto: number of orientations that the first two searches try; each later search"
        " tries twice as many",
        only=("auto", "block"),
        ge=100,
        le=1_000_000,
    )
    scan_step_um: float = key(
        400,
        "mode auto: distance between the positions that are tried for each orientation",
        unit="µm",
        only=("auto", "block"),
        ge=1,
        le=100_000,
    )
    scan_beam: Beam = key(
        (600, 80, 16, 5, 2),
        "mode auto: number of starts that are followed briefly, then number of poses that are"
        " kept at each voxel size, coarse to fine",
        only=("auto",),
        min_length=1,
        max_length=20,
    )
    fan_deg: float = key(
        15,
        "mode initial_pose: largest angle between a starting pose and the rough pose",
        unit="degrees",
        only=("initial_pose",),
        ge=0,
        le=180,
    )
    fan_um: float = key(
        500,
        "mode initial_pose: largest shift of a starting pose from the rough pose along each axis",
        unit="µm",
        only=("initial_pose",),
        ge=0,
        le=100_000,
    )
    fan_starts: int = key(
        4096,
        "mode initial_pose: number of starting poses of each search",
        only=("initial_pose",),
        ge=1,
        le=1_000_000,
    )
    fan_beam: Beam = key(
        (128, 32, 12, 4, 2),
        "mode initial_pose: number of starts that are followed briefly, then number of poses that"
        " are kept at each voxel size, coarse to fine",
        only=("initial_pose",),
        min_length=1,
        max_length=20,
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield a search that would end coarser than it starts."""
        if self.fine_um > self.coarse_um:
            yield "fine_um", f"at most coarse_um ({self.coarse_um:g} µm)"
