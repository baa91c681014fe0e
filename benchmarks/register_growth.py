"""Time and memory of the whole registration command against the volume's size."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from register_cases import Case, errors

from virtual_staining.artefacts import slide as slides
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.similarity import pose as poses

FACTORS = (1, 2, 4)  # the same block in finer voxels

CHILD = """
import resource, sys
from virtual_staining.cli import main
status = main(sys.argv[1:])
use = resource.getrusage(resource.RUSAGE_SELF)
print(use.ru_utime + use.ru_stime, use.ru_maxrss)
sys.exit(status)
"""


def finer_slabs(volume: np.ndarray, factor: int):
    """Yield the slabs (z, y, x) of a volume in ``factor`` times smaller voxels."""
    for plane in volume:
        fine = np.repeat(np.repeat(plane, factor, 0), factor, 1)
        yield np.repeat(fine[np.newaxis], factor, 0)


def measure_growth(case: Case) -> dict:
    """Register one section to ever finer copies of its volume by the command; print a table.

    Returns
    -------
    dict
        ``growth_cpu_s_600_over_300``, the ratio of the processor seconds of the two smaller
        volumes, and ``growth_peak_gb`` and ``growth_cpu_s`` of each edge length.
    """
    seconds, memory = {}, {}
    for factor in FACTORS:
        edge = case.volume.shape[0] * factor
        with tempfile.TemporaryDirectory() as name:
            seconds[edge], memory[edge] = _run(case, factor, Path(name))
    first, second, *_ = seconds
    return {
        f"growth_cpu_s_{second}_over_{first}": round(seconds[second] / seconds[first], 2),
        "growth_peak_gb": {str(edge): round(value, 2) for edge, value in memory.items()},
        "growth_cpu_s": {str(edge): round(value, 1) for edge, value in seconds.items()},
    }


def _run(case: Case, factor: int, folder: Path) -> tuple[float, float]:
    voxel_um = case.voxel_um / factor
    shape = tuple(n * factor for n in case.volume.shape)
    slabs = finer_slabs(case.volume, factor)
    omezarr.write_volume_pyramid(folder / "ct.ome.zarr", slabs, voxel_um, shape, case.volume.dtype)
    pixel_um = case.size_um[0] / case.slide.shape[1]
    fine = cv2.resize(case.slide, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    slides.write_slide_pyramid(folder / "slide.ome.tif", fine, pixel_um / factor)
    command = [
        *(sys.executable, "-c", CHILD, "register", "section"),
        *("--ct", str(folder / "ct.ome.zarr"), "--slide", str(folder / "slide.ome.tif")),
        *("--settings", json.dumps({}), "--sample", "s", "--volume", "v"),
        *("--out", str(folder / "out")),
    ]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True
    )
    cpu_s, peak_kb = map(float, done.stdout.split())
    transform = read_json(folder / "out" / "transform.json")
    section = SectionMap.from_dict(transform["slide_to_volume"])
    *_, tre95_voxel = errors(case, poses.from_map(section, case.size_um))
    peak_gb = peak_kb * 1024 / 1e9
    print(
        f"{shape[0]:5d}³ voxels of {voxel_um:g} µm  {cpu_s:6.1f} CPU s  peak {peak_gb:.2f} GB  "
        f"TRE95 {tre95_voxel * case.voxel_um:.1f} µm",
        flush=True,
    )
    return cpu_s, peak_gb
