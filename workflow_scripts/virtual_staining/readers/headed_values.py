"""Values behind a text header (MetaImage, NRRD): plain or compressed, in the file or beside it."""

import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import spatial_axes
from virtual_staining.readers.files import check_file, check_outside
from virtual_staining.readers.source import read_values

log = logging.getLogger(__name__)

CHUNK_BYTES = 2**20
ANY_DEFLATE = 47  # zlib's word for "with zlib's or gzip's header"
MOST_SHOWN = 8  # axes in a message
MOST_PADDING = 512  # bytes that writers in blocks may leave behind the values
MOST_DEFLATED = 1032  # bytes that one byte can become


@dataclass(frozen=True)
class HeadedValues:
    """Where the values of a volume lie and how they are stored.

    Parameters
    ----------
    header, path : Path
        The file that the user named, and the file with the values.
    shape : tuple of int
        The slowest axis first.
    dtype : numpy.dtype
        With the stored byte order.
    offset : int
        Bytes before the values; -1 where the values stand at the end of the file.
    deflated : bool
        Whether they are compressed with zlib or gzip.
    """

    header: Path
    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    deflated: bool

    @property
    def stored_bytes(self) -> int:
        """Length of the file with the values; -1 where there is none."""
        return self.path.stat().st_size if self.path.is_file() else -1

    def volume(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Return the shape (z, y, x) and the places of these axes in the stored shape.

        Raises
        ------
        InputError
            If the values are not one volume.
        """
        axes = spatial_axes(self.shape)
        if axes is None:
            held = " x ".join(map(str, self.shape[:MOST_SHOWN]))
            held += " …" * (len(self.shape) > MOST_SHOWN)
            raise InputError(f"{self.header}: holds {held} values; a volume must be grey and 3D")
        return tuple(self.shape[axis] for axis in axes), axes

    def reader(self) -> Callable[[int, int], np.ndarray]:
        """Return ``read(z0, z1)`` of the planes.

        Raises
        ------
        InputError
            If the file is missing or holds fewer bytes than the header says.
        """
        (nz, ny, nx), _ = self.volume()
        wanted = nz * ny * nx * self.dtype.itemsize
        problem = f"{self.header}: its {nx} x {ny} x {nz} voxels cannot be read"
        if not self.path.exists():
            raise InputError(f"{problem}; {self.path.name} is missing beside it")
        check_file(self.path)
        check_outside(self.header, [self.path])
        size = self.path.stat().st_size
        offset = size - wanted if self.offset < 0 else self.offset
        if not self.deflated and (offset < 0 or size < offset + wanted):
            raise InputError(
                f"{problem}: {self.path.name} has {size} bytes of {max(offset, 0) + wanted}; is it "
                "truncated?"
            )
        if self.deflated and wanted > MOST_DEFLATED * size:
            raise InputError(
                f"{problem}: {self.path.name} has {size} bytes, in which {wanted} cannot be "
                "compressed; is it truncated?"
            )
        more = 0 if self.deflated else size - offset - wanted
        if more >= MOST_PADDING:
            log.warning("%s: %s goes on for %d bytes behind %d x %d x %d voxels; are these numbers "
                        "right?", self.header, self.path.name, more, nx, ny, nz)  # fmt: skip
        inflated = _Inflated(self.path, offset) if self.deflated else None

        def read(z0: int, z1: int) -> np.ndarray:
            count, start = (z1 - z0) * ny * nx, z0 * ny * nx * self.dtype.itemsize
            try:
                if inflated is None:
                    values = read_values(self.path, self.dtype, count, offset + start)
                else:
                    data = inflated.read(start, count * self.dtype.itemsize)
                    values = np.frombuffer(data, self.dtype)
                return values.reshape(z1 - z0, ny, nx)
            except (OSError, ValueError, zlib.error) as error:
                raise InputError(f"{problem} ({error}); is it truncated?") from error

        return read


class _Inflated:
    """The content of a compressed part of a file, read from its beginning to its end.

    Reading goes on where it ended; going back begins anew.
    """

    def __init__(self, path: Path, offset: int):
        self.path, self.offset = path, offset
        self._restart()

    def _restart(self) -> None:
        self.inflater = zlib.decompressobj(ANY_DEFLATE)
        self.position, self.next_byte = 0, self.offset

    def read(self, start: int, count: int) -> bytes:
        """Return ``count`` bytes of the content from ``start`` on."""
        if start < self.position:
            self._restart()
        parts: list[bytes] = []
        with self.path.open("rb") as file:
            file.seek(self.next_byte)
            while self.position < start + count:
                data = self.inflater.unconsumed_tail or file.read(CHUNK_BYTES)
                wanted = start + count - self.position
                found = self.inflater.decompress(data, min(wanted, 16 * CHUNK_BYTES))
                if not found and (not data or self.inflater.eof):
                    raise ValueError(f"{self.position} bytes are there instead of {start + count}")
                self.position += len(found)
                parts.append(found[max(0, len(found) - (self.position - start)) :])
            self.next_byte = file.tell()
        return b"".join(parts)


def header_lines(path: Path, last: str, separators: str = "=") -> tuple[dict[str, str], int]:
    """Read a text header of ``key = value`` lines at the beginning of a file.

    Parameters
    ----------
    path : Path
        The file.
    last : str
        The key after whose line the header ends; empty where an empty line ends the header.
    separators : str
        What stands between key and value.

    Returns
    -------
    dict, int
        Values by key in lower case, and the number of bytes of the header.

    Raises
    ------
    ValueError
        If the first megabyte holds no such header.
    """
    with path.open("rb") as file:
        data = file.read(CHUNK_BYTES)
    fields, position = {}, 0
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        line = data[position:end].decode("utf-8", "replace").strip()
        position = min(end + 1, len(data))
        if not line and not last:
            return fields, position
        key, found, value = line.partition(separators)
        if found and not value.startswith("="):  # `:=` in NRRD: what a user added
            fields[key.strip().lower()] = value.strip()
        if last and key.strip().lower() == last.lower():
            return fields, position
    if not last and fields:  # a header file without values
        return fields, position
    raise ValueError("its header does not end")
