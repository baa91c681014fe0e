"""Ingest of a µCT volume against the disk's own sequential read and against tifffile and skimage.

    python benchmarks/ingest.py [--edges 400 800 1200] [--container tiff|folder] [--folder DIR]
    python benchmarks/ingest.py --edges 600 1200 2400 --folder /scratch   # 27 GB, deleted again

Volumes (noisy uint16 cubes, as one BigTIFF or a folder of slices) are written, dropped from the
page cache, read plainly from end to end, dropped again, and ingested: once at the paper's sizes
(1.2 µm in, 5 µm out) and once with their voxels kept (5 µm in, 5 µm out), the costlier output; a
plain copy of the same files is timed before and after, since there all bytes are written too.
Where the disk has no room for that output it is left out.
Time runs from opening to the finished OME-Zarr in a fresh process whose modules are loaded; memory
is that process's peak above what it held by then. A slab as wide as the paper's volume
(5000 x 5000) shows the memory at its native size; the middle cube is measured as uint8 and
float32 too. The naive peer loads the smallest cube whole, rescales it with anti-aliasing and
writes it, on the same files and for the same output size.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from volume_files import (
    drop_from_cache,
    files_of,
    sequential_copy_s,
    sequential_read_s,
    write_volume,
)

from virtual_staining.runtime import cpu_count

TARGET_UM = 5.0
PAPER_UM = 1.2
PAPER_EDGE = 5000
OTHER_DTYPES = ("uint8", "float32")
KEPT_SHARE = 1.2  # of the volume's size: its output with a pyramid, or its copy


def ingest_once(path: str, voxel_um: float, out: str) -> dict:
    """Ingest in this process; return seconds and GB of peak memory above the loaded modules."""
    from virtual_staining.ingest.convert_volume import ingest_volume
    from virtual_staining.readers.open_raw import open_volume
    from virtual_staining.settings.ingest import IngestSettings

    before = peak_kib()
    start = time.perf_counter()
    settings = IngestSettings(voxel_size_um=TARGET_UM)
    ingest_volume(open_volume(path), (voxel_um,) * 3, settings, out, cpu_count())
    return report(start, before)


def naive_once(path: str, voxel_um: float, out: str) -> dict:
    """Do the same with everything in memory, as tifffile's and skimage's pages show it."""
    import tifffile
    import zarr
    from skimage.transform import rescale

    before = peak_kib()
    start = time.perf_counter()
    volume = tifffile.imread(path if Path(path).is_file() else f"{path}/*.tif")
    small = rescale(volume, voxel_um / TARGET_UM, anti_aliasing=True, preserve_range=True)
    zarr.save(out, small.astype(np.uint16))
    return report(start, before)


def peak_kib() -> int:
    """Return this program's own peak; getrusage's would include the parent that started it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def report(start: float, before_kib: int) -> dict:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "memory_gb": (peak_kib() - before_kib) * 1024 / 1e9,
    }


def in_fresh_process(which: str, path: Path, voxel_um: float) -> dict:
    out = path.parent / "out.zarr"
    drop_from_cache(path)
    command = [sys.executable, __file__, "--child", which, str(path), str(voxel_um), str(out)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(out)
    return json.loads(done.stdout.splitlines()[-1])


def measure(path: Path, shape: tuple[int, ...], naive: bool = False, dtype: str = "uint16") -> dict:
    """Write one volume, time everything on it, print a line each, delete it."""
    folder = path.suffix == ""
    write_volume(path, shape, folder, dtype)
    size_gb = sum(file.stat().st_size for file in files_of(path)) / 1e9
    roomy = shutil.disk_usage(path.parent).free > KEPT_SHARE * 1e9 * size_gb
    kinds = [("ingest", PAPER_UM)] + [("ingest", TARGET_UM)] * roomy + [("naive", PAPER_UM)] * naive
    copies_s = [sequential_copy_s(path)] if roomy else []
    in_fresh_process("ingest", path, PAPER_UM)  # compiled kernels are kept from here on
    read_s = sequential_read_s(path)
    results = {"size_gb": size_gb, "read_s": read_s}
    print(
        f"{' x '.join(map(str, shape))} {dtype}, {size_gb:.2f} GB: plain read "
        f"{size_gb / read_s:.2f} GB/s"
    )
    for which, voxel_um in kinds:
        run = in_fresh_process(which, path, voxel_um)
        results[f"{which} {voxel_um}"] = run | {"ratio": read_s / run["wall_s"]}
        print(
            f"  {which:6} {voxel_um} to {TARGET_UM} µm: {run['wall_s']:6.1f} s "
            f"({run['cpu_s']:.1f} s processor), {size_gb / run['wall_s']:.2f} GB/s = "
            f"{read_s / run['wall_s']:.2f} of plain read, {run['memory_gb']:.2f} GB"
        )
    if roomy:
        copies_s.append(sequential_copy_s(path))
        kept = results[f"ingest {TARGET_UM}"]
        kept["ratio_copy"] = float(np.mean(copies_s)) / kept["wall_s"]
        print(
            f"  plain copy: {copies_s[0]:.1f} s before, {copies_s[1]:.1f} s after; kept voxels go "
            f"at {kept['ratio_copy']:.2f} of it"
        )
    else:
        print(f"  ingest {TARGET_UM} to {TARGET_UM} µm: left out, no room on the disk")
    shutil.rmtree(path) if folder else path.unlink()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, nargs="+", default=[400, 800, 1200])
    parser.add_argument("--container", choices=["tiff", "folder"], default="tiff")
    parser.add_argument("--folder", help="where the volumes are written; default: temporary")
    parser.add_argument("--wide-planes", type=int, default=48, help="of 5000 x 5000; 0: none")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        which, path, voxel_um, out = args.child
        once = {"ingest": ingest_once, "naive": naive_once}[which]
        print(json.dumps(once(path, float(voxel_um), out)))
        return
    edges = sorted(args.edges)
    smallest, middle, n = edges[0], edges[len(edges) // 2], edges[-1]
    with tempfile.TemporaryDirectory(dir=args.folder) as work:
        if 2.2 * n**3 > shutil.disk_usage(work).free:
            parser.error(f"{n}³ needs {2.2e-9 * n**3:.0f} GB on the disk of {work}")
        print(f"{cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        path = Path(work, "ct" if args.container == "folder" else "ct.tif")
        cubes = [measure(path, (n, n, n), n == smallest) for n in edges]
        others = {dtype: measure(path, (middle,) * 3, dtype=dtype) for dtype in OTHER_DTYPES}
        shape = (args.wide_planes, PAPER_EDGE, PAPER_EDGE)
        wide = [measure(path, shape)] if args.wide_planes else []
    ours = [f"ingest {PAPER_UM}", f"ingest {TARGET_UM}"]
    sizes, times = (
        [cube["size_gb"] for cube in cubes],
        [cube[ours[0]]["wall_s"] for cube in cubes],
    )
    growth = np.polyfit(sizes, times, 1)[0] if len(cubes) > 1 else times[0] / sizes[0]
    paper_gb = 2 * PAPER_EDGE**3 / 1e9
    print(
        f"growth {growth:.2f} s/GB: the paper's {PAPER_EDGE}³ ({paper_gb:.0f} GB) in "
        f"about {growth * paper_gb / 60:.0f} min"
        + "".join(f", {slab[ours[0]]['memory_gb']:.2f} GB at its width" for slab in wide)
    )
    small, large = cubes[0], cubes[-1]
    kept = [cube[ours[1]] for cube in cubes if ours[1] in cube][-1]  # of the largest that had room
    everything = [
        volume[key] for volume in [*cubes, *others.values(), *wide] for key in ours if key in volume
    ]
    figures = {
        "throughput_ratio_vs_sequential_read": min(large[ours[0]]["ratio"], kept["ratio"]),
        "throughput_ratio_paper_sizes": large[ours[0]]["ratio"],
        "throughput_ratio_kept_voxels_vs_copy": kept["ratio_copy"],
        **{
            f"throughput_ratio_{dtype}": min(cube[key]["ratio"] for key in ours if key in cube)
            for dtype, cube in others.items()
        },
        "speedup_vs_naive": small[f"naive {PAPER_UM}"]["wall_s"] / small[ours[0]]["wall_s"],
        "peak_memory_gb": max(run["memory_gb"] for run in everything),
        "largest_gb": large["size_gb"],
    }
    print(json.dumps({key: round(value, 3) for key, value in figures.items()}))


if __name__ == "__main__":
    main()
