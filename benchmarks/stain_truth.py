"""What `stain.py` measures on a finished demo: against a plain loop, MONAI and the truth."""

import dataclasses
import multiprocessing
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import section
import torch
import volume_truth
from infer import border_step, import_monai
from skimage.metrics import structural_similarity

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.pair_stats import read_ct_scaling
from virtual_staining.artefacts.registration_place import read_pair_grid
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.specimen import searched
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.artefacts.volume import open_volume_pyramid, write_volume_pyramid
from virtual_staining.imaging.ct_plane import AsTrained
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.oblique import cut_plane
from virtual_staining.models.build import build_generators
from virtual_staining.runtime import cpu_count, set_up_processor
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.ensemble import plane_stainer
from virtual_staining.stain.glass import find_glass
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.section_planes import SectionPlanes
from virtual_staining.stain.slabs import Slab, filtered_slab
from virtual_staining.stain.specimen import find_specimen
from virtual_staining.stain.volume import Staining, write_stained_volume

PATCH_PX, STEP_PX = 256, 64  # the paper's
PLANE_PX = 512  # planes of the demo, mirrored to this size, are timed
THICKNESS_UM = 40.0
CPU = torch.device("cpu")
WAYS = {"z": ("z",), "fused": ("z", "y", "x"), "section": ("section",)}
TILTED = SectionMap(np.zeros(3), np.array([0.96, 0.28, 0.0]), np.array([-0.28, 0.96, 0.0]))


def plain_loop(network, plane):
    """Stain a plane (3, h, w) as one would write it down: tile after tile, added up and divided."""
    total, count = torch.zeros_like(plane), torch.zeros(plane.shape[1:])
    starts = [[*range(0, n - PATCH_PX, STEP_PX), n - PATCH_PX] for n in plane.shape[1:]]
    for y in starts[0]:
        for x in starts[1]:
            here = slice(y, y + PATCH_PX), slice(x, x + PATCH_PX)
            total[:, *here] += network(plane[None, :, *here])[0]
            count[here] += 1
    return total / count


def against_peers(generator, staining, truth, rounds):
    """Time the product, a plain loop and MONAI on planes across z; return figures of all.

    The planes, and the specimen in them, are mirrored to PLANE_PX: the tiles' overlaps count as in
    volumes of usual sizes. The similarity is that of the planes' own part.
    """
    generators = load_generators(generator, CPU)
    plain = dict(build_generators(generators.settings))["slide"].eval()
    state = torch.load(generator, map_location="cpu", weights_only=True)["generators"]["forward"]
    plain.load_state_dict(state)
    keys = [key for key in truth if key[0] == "z"]
    planes = [filtered_slab(staining.ct.array, Slab("z", z, z + 1), staining.plane_filter)[0]
              for _, z in keys]  # fmt: skip
    scale, offset = staining.scaling
    inputs = [grown(np.clip(scale * plane + offset, 0, 65535)) for plane in planes]
    whole = StainSettings(whole_planes=True)
    tiles = StainSettings(step_px=PATCH_PX // 2, window="hann")
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        window = import_monai(folder)

        def monai(plane, _):
            size = (PATCH_PX, PATCH_PX)
            overlap = 1 - STEP_PX / PATCH_PX
            x = generators.ct_to_network(plane)
            return window(x[None], size, 8, plain, overlap, mode="constant")[0]

        ways = {
            "whole": plane_stainer([generators], whole),
            "flips": plane_stainer([generators], StainSettings(whole_planes=True, flips=True)),
            "hann": plane_stainer([generators], tiles),
            "plain": lambda plane, _: plain_loop(plain, generators.ct_to_network(plane)),
            "monai": monai,
        }
        seconds = {name: [] for name in ways}
        scores = {name: [] for name in ways}
        steps = []
        with warnings.catch_warnings():  # MONAI indexes by lists, which torch is giving up
            warnings.simplefilter("ignore")
            for key, plane in [*zip(keys, inputs, strict=True)][:rounds]:
                inside = staining.specimen.plane(*key)
                needed = grown(inside)
                for name, way in ways.items():
                    start = time.process_time()
                    image = way(plane, needed)
                    seconds[name].append(time.process_time() - start)
                    if name in ("plain", "monai"):
                        image = (((image + 1) * 127.5).clip(0, 255).numpy(),)
                    height, width = inside.shape
                    rgb = np.moveaxis(image[0], 0, -1)[:height, :width]
                    scores[name].append(similarity(rgb, truth[key][0], inside))
                    if name == "hann":
                        colours = torch.from_numpy(image[0] / 127.5 - 1)
                        grey = generators.ct_to_network(plane)
                        steps.append(border_step(colours, 128) / border_step(grey, 128))
    took = {name: statistics.median(values) for name, values in seconds.items()}
    score = {name: float(np.mean(values)) for name, values in scores.items()}
    return {
        "speedup_vs_plain": took["plain"] / took["whole"],
        "speedup_vs_monai": took["monai"] / took["whole"],
        "flips_speedup_vs_plain": took["plain"] / took["flips"],
        "hann_speedup_vs_plain": took["plain"] / took["hann"],
        "border_step": float(np.median(steps)),
        **{f"ssim_{name}": value for name, value in score.items()},
    }


def grown(plane):
    """Mirror a plane to PLANE_PX."""
    return np.pad(plane, [(0, max(PLANE_PX - n, 0)) for n in plane.shape], mode="symmetric")


def similarity(rgb, true, inside):
    one, other = volume_truth.luminance(rgb), volume_truth.luminance(true)
    _, values = structural_similarity(one, other, data_range=255, full=True)
    return values[inside].mean()


def stained(staining, kept, axes, folder):
    """Stain along some axes, with slabs that other choices have left, and write the volume."""
    chosen = dataclasses.replace(staining, axes=axes)
    chosen.stain(kept, chosen.slabs)
    write_stained_volume(chosen, kept, folder)
    return folder


def on_demo(results, stain, model, sample, cuts):
    """Stain a sample's volume in several ways; compare with truth, slides and peers."""
    levels = open_volume_pyramid(results.volume(sample))
    scaling = read_ct_scaling(results.normalized(sample).stats)
    generator = results.trained(stain, model, 1).generator
    tiling = StainSettings(whole_planes=True, flips=True)
    frame = read_pair_grid(results.registered(sample).transform).to_volume
    mask, normalize = MaskSettings(), NormalizeSettings()
    copy = searched(levels, scaling, normalize)
    specimen = find_specimen(levels[0], copy, mask)
    outline = specimen.outline(copy.level.shape, copy.voxel_um)
    staining = Staining(
        levels[0], scaling, plane_stainer([load_generators(generator, CPU)], tiling),
        AsTrained(THICKNESS_UM, levels[0].voxel_size_um), ("z",), specimen,
        SectionPlanes(levels[0], frame, THICKNESS_UM),
        find_glass(levels[0], scaling, copy, outline, mask, normalize),
    )  # fmt: skip
    truth = volume_truth.true_cuts(results, sample, cuts)
    report = against_peers(generator, staining, truth, cuts)
    with tempfile.TemporaryDirectory() as place:
        kept = KeptSlabs(Path(place) / "slabs", levels[0].array.shape)
        folders = {
            name: stained(staining, kept, axes, StainedVolumeFolder(Path(place) / name))
            for name, axes in WAYS.items()
        }
        rows = volume_truth.compare(results, sample, folders, cuts)
        volume_truth.print_rows(sample, rows)
        trips = {name: round_trip(results, stain, model, sample, f) for name, f in folders.items()}
    report |= {
        "sample": sample,
        "stripe_index_ct": rows["CT"]["stripes_z"],
        "black_not_implant_of_truth": rows["truth"]["black_not_implant"],
        "direct_translation_to_real_ssim": trips["z"][2],
    }
    for name in WAYS:
        ending = "" if name == "z" else f"_{name}"
        report |= {
            f"stripe_index_{name}": rows[name]["stripes_z"],
            f"black_not_implant{ending}": rows[name]["black_not_implant"],
            f"black_excess{ending}": rows[name]["black_excess"],
            f"black_air{ending}": rows[name]["black_air"],
            f"delta_e_{name}": rows[name]["delta_e"],
            f"section_round_trip_ssim{ending}": trips[name][0],
            f"stained_section_to_real_ssim{ending}": trips[name][1],
        }
    return report


def round_trip(results, stain, model, sample, folder):
    """Cut a section out of a stained volume at its own pose.

    Returns the SSIM of the cut to the translated slide, of the cut to the real one, and of the
    translated slide to the real one.
    """
    level = open_rgba(folder.zarr)[0]
    grid = read_pair_grid(results.registered(sample).transform)
    image, inside = cut_plane(level.array, level.voxel_size_um, grid)
    mask = (read_image(results.mask(sample).mask) > 0) & inside
    translated = read_image(results.stained(stain, model, 1).sample(sample).slide)
    real = read_image(results.normalized(sample).slide)
    pairs = (image, translated), (image, real), (translated, real)
    return [section.ssim_within(a, b, mask) for a, b in pairs]


def cost_of_size(edge, generator, planes, axis, queue):
    """Stain a volume of noise; put seconds and this process's largest memory, GB, into a queue."""
    set_up_processor(1)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "ct.ome.zarr"
        rng = np.random.default_rng(0)
        noise = (rng.integers(0, 60000, (1, edge, edge)).astype(np.uint16) for _ in range(planes))
        write_volume_pyramid(path, noise, 5.0, (planes, edge, edge), np.uint16)
        level = open_volume_pyramid(path)[0]
        stain = plane_stainer([load_generators(generator, CPU)], StainSettings(whole_planes=True))
        filtered = AsTrained(THICKNESS_UM, 5.0)
        turned = SectionPlanes(level, TILTED, THICKNESS_UM)
        staining = Staining(level, (1.0, 0.0), stain, filtered, (axis,), None, turned)
        kept = KeptSlabs(Path(place) / "slabs", level.array.shape)
        start = time.process_time()
        staining.stain(kept, staining.slabs)
        write_stained_volume(staining, kept, StainedVolumeFolder(place))
        seconds = time.process_time() - start
    # not getrusage: a new process inherits the largest memory of the process that started it
    status = Path("/proc/self/status").read_text()
    queue.put((seconds, int(status.split("VmHWM:")[1].split()[0]) / 2**20))


def costs(generator, sizes):
    """Return {planes x edge x edge: (processor seconds, GB)}, each in a process of its own."""
    context, found = multiprocessing.get_context("spawn"), {}
    for edge, planes, axis in sizes:
        queue = context.Queue()
        process = context.Process(target=cost_of_size, args=(edge, generator, planes, axis, queue))
        process.start()
        name = f"{planes}x{edge}x{edge}" + ("" if axis == "z" else f" {axis}")
        found[name] = queue.get()
        process.join()
        print(f"{name:22} {found[name][0]:8.1f} s {found[name][1]:6.2f} GB", flush=True)
    return found


def oblique_s(side):
    """Return the seconds of an oblique plane through a stained volume of 4 x side^3 voxels."""
    with tempfile.TemporaryDirectory() as folder:
        found = section.measure(side, round(1.4 * side), cpu_count(), folder)
    return found["oblique_section_s"]
