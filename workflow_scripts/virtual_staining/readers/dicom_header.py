"""Headers of DICOM files, and whether a file is as long as its header says."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.sizes import number

BITS_ALLOCATED = "0028|0100"
BITS_STORED, HIGH_BIT = "0028|0101", "0028|0102"
SIGNED = "0028|0103"
TRANSFER_SYNTAX = b"\x02\x00\x10\x00UI"
KIND = b"\x02\x00\x02\x00UI"  # of what a file holds, the SOP class: CT, a directory, a report
UNCOMPRESSED = (b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2")


@dataclass(frozen=True)
class DicomFile:
    """Header of one DICOM file."""

    path: Path
    shape: tuple[int, ...]  # frames, y, x
    dtype: np.dtype
    tags: dict[str, str]

    @property
    def stored(self) -> tuple[str, ...]:
        """Bits of a stored value and whether it has a sign, before slope and intercept."""
        return tuple(self.tags.get(tag, "") for tag in (BITS_ALLOCATED, SIGNED))

    def numbers(self, tag: str) -> list[float]:
        """Return the numbers of a tag; none where it is missing."""
        return [number(text) for text in self.tags.get(tag, "").split("\\") if text.strip()]


def read_header(path: Path) -> DicomFile:
    """Read the header of a DICOM file.

    Raises
    ------
    InputError
        If the file is damaged, truncated or not grey.
    """
    import SimpleITK as sitk  # takes longer than opening most files of other formats

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be read as DICOM; is it damaged?") from error
    if reader.GetNumberOfComponents() != 1:
        raise InputError(
            f"{path}: holds {reader.GetNumberOfComponents()} values a pixel; a volume must be grey"
        )
    kind = sitk.GetArrayViewFromImage(sitk.Image(1, 1, reader.GetPixelID())).dtype
    width, height, *frames = reader.GetSize()
    tags = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    found = DicomFile(path, (*(frames or [1]), height, width), kind, tags)
    _check_length(found)
    _check_bits(found)
    return found


def early_uid(path: Path, tag: bytes) -> bytes:
    """Return a unique identifier that stands near the beginning of a DICOM file, empty for none.

    Parameters
    ----------
    path : Path
        The file; nothing else of it is read, so that it may be damaged.
    tag : bytes
        The tag and its type as they are stored.
    """
    with path.open("rb") as opened:
        begin = opened.read(4096)
    at = begin.find(tag)
    if at < 0:
        return b""
    at += len(tag)
    return begin[at + 2 : at + 2 + int.from_bytes(begin[at : at + 2], "little")].strip(b" \0")


def _check_bits(file: DicomFile) -> None:
    """Refuse values that do not stand in the lowest bits, of which the library cuts the upper."""
    stored, highest = file.numbers(BITS_STORED), file.numbers(HIGH_BIT)
    if stored and highest and highest[0] != stored[0] - 1:
        raise InputError(
            f"{file.path}: its values of {stored[0]:g} bits end at bit {highest[0]:g} and not at "
            f"{stored[0] - 1:g}, which cannot be read; export the volume as TIFF"
        )


def _check_length(file: DicomFile) -> None:
    """Refuse an uncompressed file that is shorter than its values, which a library would fill up.

    The transfer syntax, which the library does not give, stands near the beginning of the file.
    """
    syntax = early_uid(file.path, TRANSFER_SYNTAX)
    bits = file.numbers(BITS_ALLOCATED)
    if syntax not in UNCOMPRESSED or not bits:
        return
    wanted, size = math.prod(file.shape) * int(bits[0]) // 8, file.path.stat().st_size
    if size < wanted:
        raise InputError(
            f"{file.path}: truncated: the file has {size} bytes of {wanted}; copy it again"
        )
