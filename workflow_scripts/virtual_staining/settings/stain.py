"""The ``stain`` block: staining of whole volumes."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from virtual_staining.settings.base import key
from virtual_staining.settings.tiling import TilingSettings

Fold = Annotated[int, Field(ge=1, le=1000)]
VolumeId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class StainSettings(TilingSettings):
    """Staining of whole volumes into RGBA, plane by plane (paper 2.11).

    A volume is stained slab by slab; what is finished is kept beside the result, so that a stopped
    run continues there.

    Time grows with the square of patch_px / step_px: with step_px at patch_px staining is sixteen
    times faster than with the paper's overlap, and shows seams. Networks trained with norm: pixel
    need no tiles: set whole_planes.
    """

    block_name: ClassVar[str] = "stain"

    model: str = key(
        "paired_cyclegan",
        "model whose generators stain whole volumes; one of models",
        paper="2.11",
        only=("workflow",),
    )
    folds: tuple[Fold, ...] = key(
        (1,),
        "folds whose generators are averaged; the paper takes one",
        only=("workflow",),
        min_length=1,
        max_length=1000,
    )
    volumes: Literal["test", "all"] | tuple[VolumeId, ...] = key(
        "test",
        "volumes to stain; test: those of test samples and those without a section; all: every"
        " volume; or a list of volume ids",
        values="test, all, or a list of volume ids",
        only=("workflow",),
    )
    axes: tuple[Literal["z", "y", "x", "section"], ...] = key(
        ("z",),
        "axes of the volume on which the stained planes stand; section: planes parallel to the"
        " volume's own section, the only ones that training saw, or along z where no section was"
        " registered (of several sections, that of most confidence). The colours that a voxel has"
        " along several axes are averaged, and their spread adds to the uncertainty. [z] is the"
        " paper's way, whose volumes show stripes when cut along z; [z, y, x] takes three times as"
        " long",
        paper="2.11",
        values="a list of z, y, x and section, each at most once",
        min_length=1,
        max_length=4,
    )
    jobs: int = key(
        1,
        "jobs that stain one volume at the same time, each on a GPU of its own; the colours do not"
        " depend on the number, but a change stains the volumes again",
        only=("workflow",),
        ge=1,
        le=1000,
    )
    plane: Literal["as_trained", "paper"] = key(
        "as_trained",
        "as_trained: slices are averaged through register.section_thickness_um and blurred as the"
        " training pairs' planes are; paper: single slices after a 3D Gaussian filter",
    )
    sigma_voxel: float = key(
        1.0,
        "standard deviation of the 3D Gaussian filter of plane paper",
        unit="voxels",
        paper="2.11",
        ge=0,
        le=50,
    )
    specimen_only: bool = key(
        True,
        "whether everything outside the outline of the rigid tissue, where no model was trained,"
        " is white and transparent, and so is air in the outline that is open to the outside",
        paper="2.8",
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield tiles with gaps between them, and lists that name something twice or nothing."""
        yield from super().broken_rules()
        if len(set(self.folds)) < len(self.folds):
            yield "folds", "a list that names no fold twice"
        if len(set(self.axes)) < len(self.axes):
            yield "axes", "a list of z, y, x and section that names no axis twice"
        if "section" in self.axes and self.plane != "as_trained":
            yield "plane", "as_trained where axes names section"
        if isinstance(self.volumes, tuple) and not self.volumes:
            yield "volumes", "test, all, or a list with at least one volume id"
        if isinstance(self.volumes, tuple) and len(set(self.volumes)) < len(self.volumes):
            yield "volumes", "a list that names no volume twice"
