"""How many bytes of a frame an ND2 file holds; nd2 returns zeros or what lies behind for the rest.

The last eight bytes of the file are the place of a list of its chunks. A chunk begins with a number
that is always the same, the length of its name, the length of its content, and its name.
"""

import struct
from pathlib import Path
from typing import BinaryIO

MAGIC = 0x0ABECEDA
HEAD = struct.Struct("<IIQ")
PLACE = struct.Struct("<Q")
FIRST_FRAME = b"ImageDataSeq|0!"
TIME_STAMP_BYTES = 8  # stand before the pixels of a frame


def frame_bytes(path: Path) -> int | None:
    """Return the bytes of the first frame's pixels, as they are stored, that the file holds.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int or None
        None for files of the older kind, which are made of JPEG 2000 boxes.

    Raises
    ------
    struct.error
        If the file ends within its list of chunks.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - PLACE.size))
        begin, length = _content(file, *PLACE.unpack(file.read(PLACE.size)), size)
        file.seek(begin)
        listed = file.read(length)
        at = listed.find(FIRST_FRAME)
        if at < 0:
            return None
        _, length = _content(file, *PLACE.unpack_from(listed, at + len(FIRST_FRAME)), size)
        return length - TIME_STAMP_BYTES


def _content(file: BinaryIO, place: int, size: int) -> tuple[int, int]:
    """Return where the content of the chunk at a place begins and how much of it the file holds."""
    file.seek(min(place, size))
    head = file.read(HEAD.size)
    magic, name_length, length = HEAD.unpack(head) if len(head) == HEAD.size else (0, 0, 0)
    if magic != MAGIC:
        return 0, 0
    begin = place + HEAD.size + name_length
    return begin, max(0, min(length, size - begin))
