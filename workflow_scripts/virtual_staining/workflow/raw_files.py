"""What tells that a raw volume has changed, where the time of its folder does not."""

import functools
import hashlib
import os
from pathlib import Path


@functools.cache
def folder_digest(path: str | Path) -> str:
    """Return a digest of the names, sizes and times of a folder's files; empty for a file.

    A folder's own time changes when a file comes or goes, not when one is overwritten in place, and
    Snakemake looks at nothing else. Files in sub-folders do not count: the chunks of a Zarr may be
    millions.

    Parameters
    ----------
    path : path
        A slice folder, or any other file or folder; it need not be there.
    """
    if not Path(path).is_dir():
        return ""
    with os.scandir(path) as entries:
        files = [(e.name, e.stat()) for e in entries if not e.name.startswith(".") and e.is_file()]
    lines = sorted(f"{name} {stat.st_size} {int(stat.st_mtime)}" for name, stat in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
