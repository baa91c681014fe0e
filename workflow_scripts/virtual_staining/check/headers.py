"""What the headers of a sheet's files say, read by the code that ingest uses."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.sheet import files_of
from virtual_staining.check.regions import regions
from virtual_staining.errors import InputError
from virtual_staining.readers import slides, volumes
from virtual_staining.readers.bounds import check_reduced
from virtual_staining.readers.container import container_of
from virtual_staining.readers.files import check_file
from virtual_staining.readers.open_raw import open_slide, open_volume
from virtual_staining.readers.pixel_sizes import origin, slide_size, volume_size
from virtual_staining.readers.plausible import (
    check_alike,
    check_searchable,
    check_slide_size,
    check_volume_size,
)
from virtual_staining.settings.study import Study


@dataclass
class File:
    """What was understood of one file of a sample.

    Parameters
    ----------
    column : str
        The sheet's column.
    path : str
        As the sheet names it, made whole.
    container, dtype, axes : str
        In words; the axes in the order of ``shape``.
    shape : tuple of int
        Voxels z, y, x, or pixels y, x.
    size_um : tuple of float
        Of a voxel or pixel in the same order; empty where it is not known.
    origin : str
        Where this size came from.
    regions : str
        Annotated areas by class.
    orientation : int
        As of :class:`virtual_staining.readers.source.RawSlide`.
    warnings, errors : list of str
        What is doubtful, and what would be refused.
    """

    column: str
    path: str
    container: str = ""
    dtype: str = ""
    axes: str = ""
    shape: tuple[int, ...] = ()
    size_um: tuple[float, ...] = ()
    origin: str = ""
    regions: str = ""
    orientation: int = 1
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def size_mm(self) -> tuple[float, ...]:
        """Edges of the whole, in the order of ``shape``; empty where the size is not known."""
        sized = bool(self.size_um)
        return tuple(n * s / 1000 for n, s in zip(self.shape, self.size_um, strict=sized))


@dataclass
class Sample:
    """A row of the sheet and what was understood of its files."""

    sample: str
    volume_id: str
    stain: str
    material: str
    role: str
    mode: str
    files: list[File]
    warnings: list[str] = field(default_factory=list)
    own_errors: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What would be refused of the row and its files."""
        return [*self.own_errors, *(text for file in self.files for text in file.errors)]

    def file(self, column: str) -> File | None:
        """Return the file of a column, None where the row names none."""
        return next((file for file in self.files if file.column == column), None)


def read_headers(sheet: pd.DataFrame, study: Study) -> list[Sample]:
    """Read the headers of all files of a sheet.

    Parameters
    ----------
    sheet : DataFrame
        From :func:`virtual_staining.artefacts.sheet.read_sheet`.
    study : Study
        The run's configuration.

    Returns
    -------
    list of Sample
        In the order of the sheet; a volume that several rows share is read once.
    """
    known: dict[tuple[str, str], File] = {}
    samples = []
    for row in sheet.to_dict("records"):
        volume = (row["volume"], row["voxel_size_um"])
        if volume not in known:
            known[volume] = _volume(row, study)
        files = [known[volume]]
        if row["slide"]:
            files.append(_slide(row, study))
        if row["annotations"]:
            files.append(_annotations(row, files[-1], study))
        if row["initial_pose"]:
            files.append(_pose(row))
        mode = row["register_mode"] or study.register.mode
        names = (row[key] for key in ("sample", "volume_id", "stain", "material", "role"))
        samples.append(Sample(*names, mode if row["slide"] else "", files))
        _compare(samples[-1], study)
    return samples


class _Heard(logging.Handler):
    """Collects the warnings of the package's loggers."""

    def __init__(self, lines: list[str]):
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def _listening(warnings: list[str], errors: list[str]) -> Iterator[None]:
    """Collect warnings and the refusal of a block; both go into the report and not to the log."""
    heard = _Heard(warnings)
    loggers = [logging.getLogger(name) for name in ("virtual_staining", "tifffile")]
    before = [logger.propagate for logger in loggers]
    loggers[0].addHandler(heard)
    for logger in loggers:
        logger.propagate = False
    try:
        yield
    except InputError as error:
        errors.append(str(error))
    finally:
        loggers[0].removeHandler(heard)
        for logger, propagated in zip(loggers, before, strict=True):
            logger.propagate = propagated


def _volume(row: dict[str, str], study: Study) -> File:
    file = File("volume", row["volume"])
    with _listening(file.warnings, file.errors):
        source = open_volume(file.path)
        file.container = _container(file.path, volumes)
        file.dtype, file.axes, file.shape = str(source.dtype), "z, y, x", source.shape
        cell = row["voxel_size_um"]
        file.size_um = volume_size(source, cell)
        file.origin = origin(cell, source.voxel_size_um, source.unit_assumed)
        check_volume_size(source.name, source.shape, file.size_um, study.ingest.voxel_size_um)
    return file


def _slide(row: dict[str, str], study: Study) -> File:
    file = File("slide", row["slide"])
    with _listening(file.warnings, file.errors):
        slide = open_slide(file.path)
        file.container = _container(file.path, slides)
        colours = "RGBA" if slide.shape[2] == 4 else "RGB"
        file.dtype, file.axes = str(slide.dtype), f"y, x, {colours}"
        file.shape, file.orientation = slide.shape[:2], slide.orientation
        file.size_um = slide_size(slide, row["slide_pixel_um"])
        file.origin = origin(row["slide_pixel_um"], slide.pixel_size_um)
        working_um = study.ingest.slide_pixel_um
        check_slide_size(slide.name, slide.shape, file.size_um, working_um)
        check_reduced(slide, file.size_um, working_um)
    return file


def _container(cell: str, package) -> str:
    found = container_of(Path(cell.partition("::")[0]), package)
    return found.name if found else ""


def _annotations(row: dict[str, str], slide: File, study: Study) -> File:
    file = File("annotations", row["annotations"].removesuffix("!"), container="GeoJSON")
    with _listening(file.warnings, file.errors):
        about = regions(file.path, study.normalize.reference_class, slide.shape, slide.orientation)
        file.regions, doubts = about
        file.warnings += doubts
    return file


def _pose(row: dict[str, str]) -> File:
    file = File("initial_pose", row["initial_pose"])
    with _listening(file.warnings, file.errors):
        for path in files_of(file.path, "initial_pose"):
            check_file(path)
    return file


def _compare(sample: Sample, study: Study) -> None:
    """Compare the sizes of a sample's volume and slide, as registration does."""
    volume, slide = sample.file("volume"), sample.file("slide")
    if volume is None or slide is None or volume.errors or slide.errors:
        return
    searched = sample.mode == "auto"
    working_um = study.ingest.voxel_size_um
    checks: list[Callable[[], None]] = [
        lambda: check_searchable(
            volume.path,
            [round(1000 * edge / working_um) for edge in volume.size_mm],
            working_um,
            searched=searched,
        ),
        lambda: check_alike(
            sample.sample,
            [1000 * edge for edge in volume.size_mm[::-1]],
            [1000 * edge for edge in slide.size_mm[::-1]],
            searched=searched,
        ),
    ]
    for check in checks:
        with _listening(sample.warnings, sample.own_errors):
            check()
