"""What the headers of a sheet's files say, read by the code that ingest uses."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.sheet import files_of
from virtual_staining.check.regions import regions
from virtual_staining.check.understood import File, Sample
from virtual_staining.errors import InputError
from virtual_staining.readers import slides, volumes
from virtual_staining.readers.aligned import check_aligned, open_aligned
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
from virtual_staining.settings.sheet import DRAWN_COLUMNS, insists
from virtual_staining.settings.study import Study


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
        if row["volume"] and volume not in known:
            known[volume] = _volume(row, study)
        files = [known[volume] if row["volume"] else _ct_image(row)]
        slide = _slide(row, study) if row["slide"] else File("", "")
        if row["slide"]:
            files.append(slide)
        drawn = [column for column in DRAWN_COLUMNS if row[column]]
        files += [_annotations(column, row, slide, study) for column in drawn]
        if row["initial_pose"]:
            files.append(_pose(row))
        mode = row["register_mode"] or study.register.mode
        names = (row[key] for key in ("sample", "volume_id", "stain", "material", "role"))
        mode = "fixed" if row["ct_image"] else mode
        samples.append(Sample(*names, mode if row["slide"] else "", files))
        _compare(samples[-1], study, insisted=insists(row["slide_pixel_um"]))
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


def _ct_image(row: dict[str, str]) -> File:
    file = File("ct_image", row["ct_image"], container="aligned image")
    with _listening(file.warnings, file.errors):
        check_file(file.path)
        plane = open_aligned(Path(file.path)).plane
        file.dtype, file.axes, file.shape = str(plane.dtype), "y, x", plane.shape
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


def _annotations(column: str, row: dict[str, str], slide: File, study: Study) -> File:
    file = File(column, files_of(row[column], column)[0], container="GeoJSON")
    with _listening(file.warnings, file.errors):
        # the pair's CT plane, on which the others are drawn, is not there yet
        image = slide if column == DRAWN_COLUMNS[0] else File("", "")
        drawn = regions(file.path, study.normalize.reference_class, image.shape, image.orientation)
        file.regions, doubts = drawn
        file.warnings += doubts
    return file


def _pose(row: dict[str, str]) -> File:
    named = files_of(row["initial_pose"], "initial_pose")
    kind = "pose" if len(named) == 1 and named[0].lower().endswith(".json") else "landmarks"
    file = File("initial_pose", row["initial_pose"], container=kind)
    with _listening(file.warnings, file.errors):
        for path in named:
            check_file(path)
    return file


def _compare(sample: Sample, study: Study, *, insisted: bool) -> None:
    """Compare the sizes of a sample's volume and slide, as registration does.

    ``insisted`` says that the sheet's pixel size of the slide holds whatever files say.
    """
    ct_image, slide = sample.file("ct_image"), sample.file("slide")
    if ct_image is not None and slide is not None and not (ct_image.errors or slide.errors):
        with _listening(sample.warnings, sample.own_errors):
            image, slide_um = open_aligned(Path(ct_image.path)), sum(slide.size_um) / 2
            working_um = study.ingest.voxel_size_um
            check_aligned(image, slide.shape, slide_um, working_um, insist=insisted)
    volume = sample.file("volume")
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
