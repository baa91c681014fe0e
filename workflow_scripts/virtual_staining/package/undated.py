"""Archives whose bytes depend on their content alone: no file in them tells when it was written."""

import datetime
import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

FIRST_DAY = datetime.datetime(1980, 1, 1, tzinfo=datetime.UTC)  # the earliest that a zip can hold


def write_undated(archive: Path, out: Path) -> None:
    """Write the files of a zip into another one in their order, all of the same date.

    Parameters
    ----------
    archive : Path
        The zip to read.
    out : Path
        The zip to write.
    """
    with ZipFile(archive) as held, ZipFile(out, "w") as undated:
        for info in held.infolist():
            entry = ZipInfo(info.filename, FIRST_DAY.timetuple()[:6])
            entry.compress_type, entry.file_size = ZIP_DEFLATED, info.file_size
            entry.external_attr = 0o644 << 16  # readable, as archives are that tools unpack
            with held.open(info) as source, undated.open(entry, "w") as target:
                shutil.copyfileobj(source, target)
