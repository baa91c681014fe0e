"""One row of the sample sheet: what each column means, and which values it takes."""

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from virtual_staining.errors import InputError
from virtual_staining.settings.base import Settings, key

# No leading dash, which commands would take for an option; short enough for any file system.
ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
ID_VALUES = "an id: up to 64 letters, digits, _ and -, the first of them a letter or digit"
FEWEST_UM, MOST_UM = 1e-4, 1e6  # sizes of pixels and voxels

Id = Annotated[str, Field(pattern=ID)]
# Snakemake expands what stands in braces or angle brackets.
FilePath = Annotated[str, Field(pattern=r"^[^\x00{}]+$")]
PATH_VALUES = "the path of a file or folder, without braces and <…>"
DRAWN_COLUMNS = ("annotations", "annotations_ct")
PATH_COLUMNS = ("volume", "ct_image", "slide", *DRAWN_COLUMNS, "initial_pose")


class SheetRow(Settings):
    """The columns of the sample sheet, a tab-separated table with one row a sample.

    Only sample and volume (or ct_image and slide) must be given; a row with a slide also needs
    stain and role. An empty cell means "not given". Paths are relative to the sheet's
    folder.
    """

    sample: Id = key(meaning="id of the sample", values=ID_VALUES)
    volume: FilePath = key(
        "",
        "µCT volume: a folder of slices, a file, file.h5::/path/in/file or"
        " file.raw::uint16:z,y,x; empty where ct_image is given",
        values=PATH_VALUES,
    )
    ct_image: FilePath = key(
        "",
        "in place of a volume: grey image of the CT that was aligned with the slide before, of the"
        " slide's size in pixels and of its pixel size; nothing is searched, nothing stained in 3D",
        values=PATH_VALUES,
    )
    slide: FilePath = key(
        "",
        "image of the stained section, with ::number where a file holds several; empty for a volume"
        " that is only to be stained",
        values=PATH_VALUES,
    )
    stain: Id = key(
        "",
        "stain of the section, e.g. toluidine_blue; each stain is a cohort of its own",
        values=ID_VALUES,
    )
    material: Id = key(
        "",
        "what the folds are balanced by, e.g. the implant's material Mg, Ti or PEEK; empty where"
        " all specimens are alike",
        values=ID_VALUES,
    )
    group: Id = key(
        "",
        "animal or implant, never split between training and validation; empty: the volume_id",
        values=ID_VALUES,
    )
    role: Literal["crossval", "test"] = key(
        "", "crossval: the sample takes part in the folds; test: the sample is held out for good"
    )
    voxel_size_um: str = key(
        "",
        "voxel size of the raw volume; empty to take the size that the file gives, 5! to insist on"
        " 5 where the file gives another",
        unit="µm",
        values="one positive number with a decimal point, or three as z,y,x, and ! to insist",
    )
    slide_pixel_um: str = key(
        "",
        "pixel size of the raw slide; empty to take the size that the file gives, 0.5! to insist on"
        " 0.5 where the file gives another",
        unit="µm",
        values="one positive number with a decimal point, and ! to insist",
    )
    annotations: FilePath = key(
        "",
        "areas drawn on the slide in QuPath (GeoJSON), classes Bone, Background and Exclude;"
        " drawn.geojson! to insist where they disagree with what the automatic search finds",
        values=PATH_VALUES,
    )
    annotations_ct: FilePath = key(
        "",
        "the same drawn on the pair's CT plane, 02_register/<sample>/ct.tif; what is excluded on"
        " either is left out of both",
        values=PATH_VALUES,
    )
    initial_pose: FilePath = key(
        "",
        "rough pose of the section (JSON), or landmarks: a table with named columns or of BigWarp,"
        " or slide points::volume points of QuPath and elastix",
        values=PATH_VALUES,
    )
    register_mode: Literal["auto", "initial_pose", "fixed"] = key(
        "", "how this section is registered, where that differs from register.mode"
    )
    block: Id = key(
        "",
        "sections with the same block were cut parallel from it; mode auto looks for the"
        " orientation that they share",
        values=ID_VALUES,
    )
    block_order: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}$")] = key(
        "",
        "place of the section in the order in which its block was cut, counted from either end;"
        " numbers may be left out. The depths of the block's sections follow it",
        values="a whole number from 1",
    )
    view_axis: Annotated[str, Field(pattern=r"^[xyz][+-]$")] = key(
        "",
        "axis of the volume along which one looks, within 90°, when one looks at the slide (x is"
        " the fastest axis of the file); mode auto then searches that half of all orientations",
        values="one of x+, x-, y+, y-, z+, z-",
    )
    ct_levels: str = key(
        "",
        "mean grey levels of background and bone (normalize: reference_class) in"
        " 01_ingest/<volume>/ct.ome.zarr, for a volume without a section whose levels are doubted;"
        " empty to measure them",
        values="two numbers with a comma, background,bone, the first below the second",
    )
    volume_id: Id = key(
        "",
        "name of the volume in the results; empty: the first sample that uses the volume",
        values=ID_VALUES,
    )

    # An empty cell is left out of the row before the check, so the defaults need none.
    model_config: ClassVar = {"validate_default": False}

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield sizes that are no sizes, and paths that name no file."""
        for column, numbers in (("voxel_size_um", 3), ("slide_pixel_um", 1)):
            try:
                parse_size(getattr(self, column), numbers, column)
            except InputError:
                field = type(self).about(column)["values"]
                yield column, f"{field}, in µm, from {FEWEST_UM:g} to {MOST_UM:g}"
        if self.ct_levels and not are_levels(self.ct_levels):
            yield "ct_levels", type(self).about("ct_levels")["values"]
        if self.ct_levels and self.slide:
            yield "ct_levels", "empty beside a slide, on which Background and Bone can be drawn"
        for column in PATH_COLUMNS:
            path = getattr(self, column)
            names_none = path and not PurePosixPath(path.split("::")[0]).name
            if names_none or ("<" in path and ">" in path.split("<", 1)[1]):
                yield column, PATH_VALUES
        if bool(self.volume) == bool(self.ct_image):
            yield "volume", "the path of a volume, or empty where ct_image names an aligned image"
        if self.ct_image and not self.slide:
            yield "slide", "the slide that ct_image is aligned with"
        for column in ("voxel_size_um", "initial_pose", "register_mode", "block", "view_axis"):
            if self.ct_image and getattr(self, column):
                yield column, "empty beside ct_image, which is aligned with the slide"


def parse_size(text: str, numbers: int, field: str) -> tuple[float, ...] | None:
    """Read a size from the sheet: one number for all axes, or ``numbers`` of them with commas.

    Parameters
    ----------
    text : str
        Content of the cell, in µm; empty for no size. A last ``!`` is left out, see
        :func:`insists`.
    numbers : int
        Axes of the image.
    field : str
        Where the text stands, for the message.

    Returns
    -------
    tuple of float or None
        ``numbers`` sizes in µm, or None for no size.

    Raises
    ------
    InputError
        If the text is not that many positive numbers.
    """
    if not text.strip():
        return None
    try:
        values = tuple(float(part) for part in text.strip().removesuffix("!").split(","))
    except ValueError:
        values = ()
    if "_" in text:  # Python reads 1_0 as 10
        values = ()
    good = all(math.isfinite(v) and FEWEST_UM <= v <= MOST_UM for v in values)
    if len(values) not in (1, numbers) or not good:
        raise InputError(
            f"{field}: {text!r} is not a size in µm; give one number or {numbers} (a,b,…)"
        )
    return values * numbers if len(values) == 1 else values


def are_levels(text: str) -> bool:
    """Say whether a cell holds the grey levels of background and bone, ``background,bone``."""
    try:
        background, bone = map(float, text.split(","))
    except ValueError:
        return False
    return "_" not in text and 0 <= background < bone < math.inf


def insists(text: str) -> bool:
    """Say whether a cell overrules what is found elsewhere: ``5!`` does, ``5`` must agree."""
    return text.strip().endswith("!")
