"""Staining of whole volumes: voxels per second of the configured generator on this machine.

    python benchmarks/stain.py [--edge 320] [--planes 2] [--steps 64 128 256]
    python benchmarks/stain.py --edge 1200 --planes 16     # where there is a GPU

A slab of noise as wide as asked for is filtered, stained tile by tile with a generator of the
configuration's size (its weights are random: they do not matter for time) and written as OME-Zarr
and BigTIFF, as the stage does with a whole volume, once for each distance of the tiles. The hours
of the paper's volume (5000^3 voxels of 1.2 um, 1200^3 after its ingest to 5 um) are extrapolated
from planes of that size: tiles per plane times planes, divided by the tiles per second measured.

peak_gb and seconds are the memory and the processor time of staining whole volumes of noise along
z, with a generator of the demo's size, one process for each size: planes of three sizes, then more
planes of the largest, and planes parallel to a turned section.

With the results of a finished demo (--results; results/demo where it is there) follows what can be
compared. A plain loop over tiles (the paper's 256 px at 64 px) and MONAI's sliding window, both
with the plain network, against whole planes, cut down to the specimen, on the same planes across z
of a test sample, mirrored to 512 px, processor time in turns: speedup_vs_plain, speedup_vs_monai,
and the similarity of each to the true section (ssim_whole, ssim_flips, ssim_plain, ssim_monai).
border_step is that of Hann tiles at half a tile, relative to the CT's own. The volume stained along
z, along all axes and parallel to its section, averaged over flips as in the demo, against the truth
(see volume_truth.py) and, at the section's own pose, against the translated and the real slide.
oblique_section_s is the time of an oblique plane through 4 x 512^3 voxels. The last line is JSON.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import stain_truth
import torch
import yaml

from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.paths import Results
from virtual_staining.imaging.ct_plane import PaperFilter
from virtual_staining.models.build import build_generators
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.stain import StainSettings
from virtual_staining.settings.train import TrainSettings
from virtual_staining.stain.ensemble import load_stainer
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.volume import Staining, write_stained_volume

ROOT = Path(__file__).resolve().parents[1]
PAPER_EDGE = 1200
# edge, planes and axis of the volumes whose memory is measured
SIZES = [(160, 160, "z"), (256, 160, "z"), (512, 160, "z"), (512, 480, "z"), (256, 160, "section")]


def tiles(edge: int, patch: int, step: int) -> int:
    """Return how many tiles cover a square plane: the last of a row is moved back to its end."""
    return (1 + -(-max(edge - patch, 0) // step)) ** 2


def random_generator(path: Path, block: dict, model: str) -> None:
    """Write a generator of some settings of `train` with random weights."""
    block = {**block, "model": model, "seed": 1}
    settings = from_dict(TrainSettings, block)
    write_generator(path, settings, build_generators(settings).state_dict(), 1, "last")


def measure(folder: Path, ct, config: dict, step_px: int, device: torch.device) -> dict:
    """Stain the slab once, after one plane that is not counted."""
    block = {**config["stain"], "step_px": step_px, "specimen_only": False}
    settings = from_dict(StainSettings, block)
    stain = load_stainer([folder / "generator.pt"], settings, device)
    stain(np.zeros(ct.array.shape[1:], np.float32), None)
    start = time.perf_counter()
    out = StainedVolumeFolder(folder / f"step-{step_px}")
    staining = Staining(ct, (1.0, 0.0), stain, PaperFilter(settings.sigma_voxel))
    kept = KeptSlabs(out.kept_slabs("benchmark"), ct.array.shape)
    staining.stain(kept, staining.slabs)
    write_stained_volume(staining, kept, out)
    seconds = time.perf_counter() - start
    planes, edge, _ = ct.array.shape
    done = planes * tiles(edge, settings.patch_px, step_px)
    of_paper = PAPER_EDGE * tiles(PAPER_EDGE, settings.patch_px, step_px)
    return {
        "step_px": step_px,
        "voxels_per_s": ct.array.size / seconds,
        "tiles_per_s": done / seconds,
        "paper_volume_h": of_paper / done * seconds / 3600,
    }


def compared(results: Results, model: str, sample: str, cuts: int) -> dict:
    """Measure what needs a finished demo."""
    found = stain_truth.on_demo(results, "toluidine_blue", model, sample, cuts)
    found["oblique_section_s"] = stain_truth.oblique_s(512)
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edge", type=int, default=320)
    parser.add_argument("--planes", type=int, default=2)
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--results", type=Results, help="of a finished demo")
    parser.add_argument("--model", default="pix2pix", help="model of the demo")
    parser.add_argument("--sample", default="Mg-06", help="test sample of the demo")
    parser.add_argument("--cuts", type=int, default=6, help="planes across each axis")
    args = parser.parse_args()
    set_up_processor(torch.get_num_threads())
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    device = choose_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    shape = (args.planes, args.edge, args.edge)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        noise = np.random.default_rng(0).integers(0, 60000, shape).astype(np.uint16)
        omezarr.write_volume_pyramid(folder / "ct.ome.zarr", noise, 5.0)
        random_generator(folder / "generator.pt", config["train"], config["stain"]["model"])
        ct = omezarr.open_volume_pyramid(folder / "ct.ome.zarr")[0]
        print(f"{name}, slab {shape}\n\nstep px   voxels/s    tiles/s   hours of 1200^3")
        for step_px in args.steps:
            row = measure(folder, ct, config, step_px, device)
            rows.append(row)
            print(
                f"{step_px:7d} {row['voxels_per_s']:10.0f} {row['tiles_per_s']:10.2f}"
                f" {row['paper_volume_h']:17.2f}",
                flush=True,
            )
        demo = yaml.safe_load((ROOT / "profiles/demo/study.yaml").read_text())
        random_generator(folder / "demo.pt", {**config["train"], **demo["train"]}, "pix2pix")
        costs = stain_truth.costs(folder / "demo.pt", SIZES)
    memory = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None
    found = {"device": name, "slab": shape, "gpu_memory_gb": memory, "steps": rows}
    found["seconds"] = {size: round(seconds, 1) for size, (seconds, _) in costs.items()}
    found["peak_gb"] = {size: round(peak, 2) for size, (_, peak) in costs.items()}
    results = args.results or Results(ROOT / "results/demo")
    there = results.normalized(args.sample).stats.is_file()
    more = compared(results, args.model, args.sample, args.cuts) if there else {}
    print(json.dumps(found | more))
    if not there:
        raise SystemExit(f"{results}: no finished demo, so there is no comparison; run `make demo`")


if __name__ == "__main__":
    main()
