"""An oblique plane of a large stained volume: time and memory against tiles of bounding boxes.

    python benchmarks/section.py [--side 1200] [--plane-px 1700] [--results DIR]

A colour volume of 4 × side³ voxels is written as `stain` writes it. A plane at an angle to all axes
is cut out of it by `section`'s way, and by reading the bounding box of each 128 px tile and
interpolating with SciPy (as CT planes of pairs are made), one channel after the other. Both read
the same files in one run; the times are those of the first and of a second cut, when the files lie
in the machine's memory. With --results, the round trip: each section with a stained volume is cut
out of that volume at its own pose and compared with the translated slide inside its mask, by SSIM
of the luminance; the same between that slide and the real one is printed beside it. The last line
is JSON.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_place import read_pair_grid
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.imaging.ct_plane import ct_plane
from virtual_staining.imaging.geometry import PlaneGrid, pose_to_map
from virtual_staining.imaging.oblique import cut_plane
from virtual_staining.runtime import cpu_count

VOXEL_UM = 5.0


def write_noise(path, side):
    """Write a colour volume of smooth colours with noise, which hardly shrinks."""
    rng = np.random.default_rng(0)
    slab = rng.integers(0, 32, (4, 64, side, side), np.uint8)
    slab += np.linspace(60, 200, side).astype(np.uint8)

    def slabs():
        for z in range(0, side, 64):
            yield slab[:, : min(64, side - z)]

    write_volume_pyramid(path, slabs(), VOXEL_UM, (4, side, side, side), np.uint8)


class Channel:
    """One channel of a colour array, which is only sliced."""

    def __init__(self, array, c):
        self.array, self.c, self.shape = array, c, array.shape[1:]

    def __getitem__(self, place):
        return self.array[(self.c, *place)]


def timed(function):
    start = time.perf_counter()
    value = function()
    return value, time.perf_counter() - start


def peak_gb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(side, plane_px, threads, folder):
    path = Path(folder) / "rgba.ome.zarr"
    # in a process of its own, whose memory does not count
    writer = multiprocessing.get_context("spawn").Process(target=write_noise, args=(path, side))
    writer.start()
    writer.join()
    if writer.exitcode:
        raise SystemExit("the volume could not be written")
    array = open_rgba(path)[0].array
    edge = side * VOXEL_UM
    pose = pose_to_map(
        [edge / 2] * 3, (0.8, 0.5, 0.33), (-0.4, 0.3, 0.87), (plane_px * VOXEL_UM,) * 2
    )
    grid = PlaneGrid((plane_px, plane_px), VOXEL_UM, pose)
    cut_plane(np.zeros((4, 8, 8, 8), np.uint8), VOXEL_UM, grid, threads=1)  # compiles
    before = peak_gb()
    (image, inside), first = timed(lambda: cut_plane(array, VOXEL_UM, grid, threads=threads))
    grown = peak_gb() - before
    _, again = timed(lambda: cut_plane(array, VOXEL_UM, grid, threads=threads))
    _, thick = timed(lambda: cut_plane(array, VOXEL_UM, grid, 40.0, threads))
    print(
        f"section: {first:.1f} s, again {again:.1f} s, 40 µm thick {thick:.1f} s, +{grown:.2f} GB"
    )

    def peer():
        planes = [
            ct_plane(Channel(array, c), VOXEL_UM, pose, grid.shape, VOXEL_UM, 0.0) for c in range(4)
        ]
        return np.stack(planes, -1)

    expected, peer_s = timed(peer)
    worst = int(np.abs(image[inside].astype(int) - expected[inside].astype(int)).max())
    print(f"bounding boxes with SciPy: {peer_s:.1f} s; largest difference {worst} of 255")
    return {
        "side": side,
        "plane_px": plane_px,
        "oblique_section_s": round(first, 2),
        "oblique_section_again_s": round(again, 2),
        "oblique_section_40um_s": round(thick, 2),
        "peak_growth_gb": round(grown, 2),
        "speedup_vs_bounding_boxes": round(peer_s / again, 1),
        "largest_difference": worst,
    }


def luminance(rgb):
    return rgb[..., :3].astype(float) @ (0.299, 0.587, 0.114)


def ssim_within(a, b, mask):
    _, values = structural_similarity(luminance(a), luminance(b), data_range=255, full=True)
    return float(values[mask].mean())


def round_trips(root):
    """Return {sample: (SSIM of cut and translated slide, of translated and real slide)}."""
    results, found = Results(root), {}
    for zarr in sorted(Path(root).glob("10_stain/*/*/*/rgba.ome.zarr")):
        stain, model, sample = zarr.parts[-4:-1]
        translated = results.stained(stain, model, 1).sample(sample).slide
        if not results.registered(sample).transform.exists() or not translated.exists():
            continue
        levels = open_rgba(StainedVolumeFolder(zarr.parent).zarr)
        grid = read_pair_grid(results.registered(sample).transform)
        image, inside = cut_plane(levels[0].array, levels[0].voxel_size_um, grid)
        mask = (read_image(results.mask(sample).mask) > 0) & inside
        slide, real = read_image(translated), read_image(results.normalized(sample).slide)
        found[sample] = ssim_within(image, slide, mask), ssim_within(slide, real, mask)
        print(f"{sample}: SSIM to the translated slide {found[sample][0]:.3f}, "
              f"of that to the real slide {found[sample][1]:.3f}")  # fmt: skip
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1200, help="voxels (0: no timing)")
    parser.add_argument("--plane-px", type=int, default=1700)
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--results", help="results folder of a finished study")
    args = parser.parse_args()
    report = {}
    if args.side:
        with tempfile.TemporaryDirectory() as folder:
            report = measure(args.side, args.plane_px, args.threads, folder)
    if args.results:
        trips = round_trips(args.results)
        if not trips:
            raise SystemExit(f"{args.results}: no stained volume with a registered section")
        report["section_round_trip_ssim"] = round(float(np.mean([a for a, _ in trips.values()])), 3)
        report["translated_to_real_ssim"] = round(float(np.mean([b for _, b in trips.values()])), 3)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
