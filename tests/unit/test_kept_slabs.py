"""Runs that are killed while they stain a volume: what is finished is kept, the result is whole."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.volume import open_volume_pyramid, write_volume_pyramid
from virtual_staining.imaging.ct_plane import AsTrained
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.stain.kept_slabs import KeptSlabs, fingerprint
from virtual_staining.stain.section_planes import SectionPlanes
from virtual_staining.stain.slabs import Slab
from virtual_staining.stain.volume import Staining, write_stained_volume

# Stains a volume slowly, and writes a line for each plane.
SLOW = """
import sys
from pathlib import Path
from test_kept_slabs import stain_all

print("ready", flush=True)
stain_all(Path(sys.argv[1]), 0.02)
"""
# Writes a volume whose slabs are kept, and is killed before the n-th call of a function.
DYING = """
import importlib, os, signal, sys
from pathlib import Path
from test_kept_slabs import write_all

folder, module, name, left = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
home = importlib.import_module(module)
function = getattr(home, name)

def dying(*arguments, **options):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments, **options)

setattr(home, name, dying)
write_all(folder)
"""
# Slices, files of the pyramid, and the steps by which finished output takes its place.
RGBA, SHARDS, ATOMIC = (
    f"virtual_staining.artefacts.{name}" for name in ("rgba", "storage.shards", "storage.atomic")
)
DEATHS = [  # and whether an earlier volume lies there
    (RGBA, "encode_deviation", 9, False),
    (SHARDS, "write_layer", 1, False),
    (ATOMIC, "_put_in_place", 0, False),
    (ATOMIC, "_put_in_place", 1, False),
    (ATOMIC, "_put_in_place", 1, True),
    (ATOMIC, "_remove", 0, True),
]
PLANES = 4  # of a slab
SHAPE = (26, 20, 22)
FRAME = SectionMap(np.array([40.0, 30.0, 250.0]), np.array([0.8, 0.6, 0]), np.array([-0.6, 0.8, 0]))


def slabs_of(axis: str, n: int) -> list[Slab]:
    """Divide n planes along an axis."""
    return [Slab(axis, first, min(first + PLANES, n)) for first in range(0, n, PLANES)]


def stain_all(folder: Path, seconds: float) -> tuple[Staining, KeptSlabs]:
    """Stain the volume of a folder along z, x and a section, each plane for some time."""
    level = open_volume_pyramid(folder / "ct.ome.zarr")[0]

    def stain(plane, inside):
        with (folder / "stained.txt").open("a") as file:
            file.write("plane\n")
        time.sleep(seconds)
        rgb = np.stack([plane // 256, plane % 256, plane * 0]).astype(np.uint8)
        return rgb, np.ones(plane.shape, np.float32)

    section = SectionPlanes(level, FRAME, 40.0)
    axes = ("z", "x", "section")
    staining = Staining(level, (1.0, 0.0), stain, AsTrained(40.0, 20.0), axes, None, section)
    section.__dict__["slabs"] = slabs_of("section", section.slabs[-1].stop)
    staining.__dict__["slabs"] = [
        *slabs_of("z", SHAPE[0]),
        *slabs_of("x", SHAPE[2]),
        *section.slabs,
    ]
    kept = KeptSlabs(folder / "slabs", SHAPE)
    staining.stain(kept, staining.slabs)
    return staining, kept


def test_a_run_that_is_killed_at_any_time_continues(tmp_path):
    rng = np.random.default_rng()
    ct = np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)
    kills = 1
    for name in ("killed", "once"):
        write_volume_pyramid(tmp_path / name / "ct.ome.zarr", ct, 20.0)
    command = [sys.executable, "-c", SLOW, str(tmp_path / "killed")]
    for _ in range(kills):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, encoding="utf-8", cwd=Path(__file__).parent
        )
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.communicate()
    for name in ("killed", "once"):
        folder = tmp_path / name
        write_stained_volume(*stain_all(folder, 0.0), StainedVolumeFolder(folder))
    lines = (tmp_path / "killed/stained.txt").read_text().count("plane")
    needed = 2 * SHAPE[0] + SHAPE[2]  # the section's planes are turned about z
    assert needed <= lines <= needed + kills * PLANES
    killed, once = (open_rgba(tmp_path / name / "rgba.ome.zarr") for name in ("killed", "once"))
    for one, other in zip(killed, once, strict=True):
        np.testing.assert_array_equal(one.array[:], other.array[:])


def write_all(folder: Path) -> None:
    """Stain what is not kept yet of the volume of a folder, and write it."""
    write_stained_volume(*stain_all(folder, 0.0), StainedVolumeFolder(folder))


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Return the content of every written file, hidden ones among them, by its name."""
    written = [path for name in ("rgba*", ".*") for path in folder.glob(name)]
    files = [file for path in written for file in [path, *path.rglob("*")] if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def written_once(tmp_path_factory):
    """A folder whose volume was written without a stop."""
    folder = tmp_path_factory.mktemp("once")
    ct = np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)
    write_volume_pyramid(folder / "ct.ome.zarr", ct, 20.0)
    write_all(folder)
    return folder


@pytest.mark.parametrize(("module", "name", "calls", "again"), DEATHS)
def test_a_writer_that_is_killed_between_files_is_made_good(
    module, name, calls, again, written_once, tmp_path
):
    """The next run stains nothing again, leaves nothing of the dead one, and writes equal bytes."""
    folder = tmp_path / "killed"
    shutil.copytree(written_once, folder)
    if not again:
        shutil.rmtree(folder / "rgba.ome.zarr")
        (folder / "rgba.tif").unlink()
    command = [sys.executable, "-c", DYING, str(folder), module, name, str(calls)]
    died = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert any(file.startswith(".") for file in all_bytes(folder))
    write_all(folder)
    assert (folder / "stained.txt").read_bytes() == (written_once / "stained.txt").read_bytes()
    assert all_bytes(folder) == all_bytes(written_once)


def test_slabs_of_other_settings_files_or_volumes_are_not_found(tmp_path):
    marks = set()
    for number, (grey, text, settings) in enumerate(
        [(1, "a", {}), (2, "a", {}), (1, "b", {}), (1, "a", {"axes": ["z"]}), (1, "a", {})]
    ):
        path = tmp_path / str(number)
        write_volume_pyramid(path / "ct.ome.zarr", np.full((4, 5, 6), grey, np.uint16), 5.0)
        (path / "generator.pt").write_text(text)
        levels = open_volume_pyramid(path / "ct.ome.zarr")
        marks.add(fingerprint(levels, [path / "generator.pt"], settings))
    assert len(marks) == 4  # the last is the first, at another place
