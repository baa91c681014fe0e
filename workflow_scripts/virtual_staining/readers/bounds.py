"""What a file may ask for: memory and time are bounded by what its header and its length say.

Everything here is known before a value is decoded, so that a damaged or hostile file ends in a
sentence and not in a full memory or a job without an end.
"""

import logging
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from virtual_staining.errors import InputError
from virtual_staining.readers.files import size_text
from virtual_staining.readers.source import RawSlide, Source
from virtual_staining.runtime import free_memory_bytes

log = logging.getLogger(__name__)

EMPTY_FROM = 2**30  # smaller volumes and slides may be as empty as they like
EMPTIEST = 300  # stored bytes that one byte of a file may stand for; real images have less than 50
MOST_CHUNKS = 10**7  # some hours of reading, even where none of them is there
SHARE = 0.6  # of the free memory may be asked for at once
BYTES_A_PIXEL = 8  # of a slide at the working size: colours, packed, where it was scanned
LEAST_COMPRESSED = 4  # times that a volume may become smaller when it is written


def check_held(name: str, shape: Sequence[int], itemsize: int, stored_bytes: int) -> None:
    """Refuse a header that promises far more than its file can hold.

    Parameters
    ----------
    name : str
        The file.
    shape : sequence of int
        Lengths of all axes.
    itemsize : int
        Bytes of a value.
    stored_bytes : int
        Length of what holds the values.

    Raises
    ------
    InputError
        Giving both numbers.
    """
    declared = math.prod(map(int, shape)) * itemsize
    if declared > EMPTY_FROM and declared > EMPTIEST * stored_bytes:
        held = " x ".join(map(str, shape))
        raise InputError(
            f"{name}: its header says {held} values, {size_text(declared)}, of which its "
            f"{size_text(stored_bytes)} can hold hardly more than one value repeated; is it "
            "damaged? Export it again"
        )


def check_chunks(name: str, shape: Sequence[int], chunks: Sequence[int]) -> None:
    """Refuse an array in more chunks than can be read in any time; most may not even be there.

    Parameters
    ----------
    name : str
        The file.
    shape, chunks : sequence of int
        Lengths of all axes, of the array and of a chunk.

    Raises
    ------
    InputError
        Giving both numbers.
    """
    count = math.prod(-(-int(n) // max(1, int(m))) for n, m in zip(shape, chunks, strict=True))
    if count > MOST_CHUNKS:
        raise InputError(
            f"{name}: is divided into {count} chunks of {' x '.join(map(str, chunks))} values, of "
            f"which at most {MOST_CHUNKS} are read; store it in larger chunks"
        )


def check_memory(name: str, wanted_bytes: float, what: str) -> None:
    """Refuse what would fill the memory.

    Parameters
    ----------
    name : str
        The file.
    wanted_bytes : float
        What must be in memory at once.
    what : str
        What that is, and the remedy after a semicolon.

    Raises
    ------
    InputError
        Giving both numbers.
    """
    free = free_memory_bytes()
    if wanted_bytes > SHARE * free:
        thing, _, remedy = what.partition(";")
        raise InputError(
            f"{name}: {thing} takes {size_text(wanted_bytes)} of memory, and {size_text(free)} are "
            f"free; {remedy.strip()}"
        )


def check_image(image: Source | RawSlide, path: Path) -> None:
    """Refuse an image that its file cannot hold, or whose smallest part the memory cannot hold.

    Parameters
    ----------
    image : Source or RawSlide
        What a container opened.
    path : Path
        The file or folder that the user named.

    Raises
    ------
    InputError
        Giving both numbers.
    """
    itemsize = image.dtype.itemsize
    stored = image.stored_bytes or (path.stat().st_size if path.is_file() else -1)
    if stored >= 0:
        check_held(image.name, image.shape, itemsize, stored)
    plane = math.prod(map(int, image.shape[1:]))
    remedy = "give the job more memory, or store the image in smaller chunks, tiles or strips"
    # the plane as it is stored, as it is returned, and as float32 for the resampling
    check_memory(image.name, plane * (2 * itemsize + 4), f"one plane or row of it; {remedy}")
    check_memory(image.name, image.at_once_bytes, f"what is stored in one piece; {remedy}")


def check_reduced(slide: RawSlide, pixel_size_um: Sequence[float], working_um: float) -> None:
    """Refuse a slide that does not fit into memory at the working pixel size.

    Parameters
    ----------
    slide : RawSlide
        The opened slide.
    pixel_size_um : (y, x)
        Its pixel size, µm.
    working_um : float
        Pixel size to which it is brought, µm; a coarser slide keeps its own.

    Raises
    ------
    InputError
        Giving both numbers.
    """
    lengths = zip(slide.shape[:2], pixel_size_um, strict=True)
    pixels = math.prod(n * min(1.0, size / working_um) for n, size in lengths)
    check_memory(slide.name, BYTES_A_PIXEL * pixels, f"the slide at {working_um:g} µm; choose a "
                 "coarser ingest.slide_pixel_um, or give the job more memory")  # fmt: skip


def check_disk(name: str, out: str | Path, bytes_written: float) -> None:
    """Refuse an output for which the disk has not a quarter of the space; warn of less than all.

    Written chunks are compressed; how much, nobody knows before.

    Parameters
    ----------
    name : str
        The input, for the message.
    out : path
        What is to be written.
    bytes_written : float
        Its bytes before compression.

    Raises
    ------
    InputError
        Giving both numbers.
    """
    folder = next(p for p in Path(out).resolve().parents if p.exists())
    free = shutil.disk_usage(folder).free
    text = (
        f"{name}: at the working size it has {size_text(bytes_written)} before compression, and "
        f"{size_text(free)} are free in {folder}"
    )
    if bytes_written > LEAST_COMPRESSED * free:
        raise InputError(f"{text}; free some space, or choose a coarser size in `ingest`")
    if bytes_written > free:
        log.warning("%s", text)
