"""Made-up volumes as files, and how fast the disk gives them back."""

import os
import time
from pathlib import Path

import numpy as np
import tifffile

BUFFER_BYTES = 2**24


def write_volume(path: Path, shape: tuple[int, ...], folder: bool, dtype: str = "uint16") -> None:
    """Write smooth structure and noise that changes from plane to plane."""
    n, side = shape[0], shape[1]
    y, x = np.indices((side, side), dtype=np.float32) / side
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 800, (side + 64, side + 64)).astype(np.int16)
    smooth = (25000 + 12000 * np.sin(9 * y) * np.cos(11 * x)).astype(np.int16)

    def plane(z: int) -> np.ndarray:
        top, left = z * 7 % 64, z * 13 % 64
        grey = smooth + noise[top : top + side, left : left + side]
        return (grey >> 8 if dtype == "uint8" else grey).astype(dtype)

    if folder:
        path.mkdir()
        for z in range(n):
            tifffile.imwrite(path / f"slice_{z:05d}.tif", plane(z))
    else:
        planes = (plane(z) for z in range(n))
        options = {"bigtiff": True, "photometric": "minisblack"}
        tifffile.imwrite(path, planes, shape=shape, dtype=dtype, **options)


def files_of(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


def drop_from_cache(path: Path) -> None:
    """Write the files out and drop their pages, so that the next read is the disk's."""
    for file in files_of(path):
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sequential_read_s(path: Path) -> float:
    """Return the seconds that reading all bytes takes, 16 MiB at a time."""
    drop_from_cache(path)
    buffer = bytearray(BUFFER_BYTES)
    start = time.perf_counter()
    for file in files_of(path):
        with file.open("rb", buffering=0) as handle:
            while handle.readinto(buffer):
                pass
    return time.perf_counter() - start


def sequential_copy_s(path: Path) -> float:
    """Return the seconds that reading all bytes and writing them to one new file takes."""
    drop_from_cache(path)
    buffer = bytearray(BUFFER_BYTES)
    copy = path.with_name("copy")
    start = time.perf_counter()
    with copy.open("wb", buffering=0) as out:
        for file in files_of(path):
            with file.open("rb", buffering=0) as handle:
                while count := handle.readinto(buffer):
                    out.write(memoryview(buffer)[:count])
    seconds = time.perf_counter() - start
    copy.unlink()
    return seconds
