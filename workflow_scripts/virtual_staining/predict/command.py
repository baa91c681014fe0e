"""``predict``: stain a CT volume or slice with a generator file alone."""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.artefacts.trained_on import TrainedOn
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import AsTrained
from virtual_staining.predict.single_slice import is_single_slice, write_stack
from virtual_staining.readers.open_raw import open_volume
from virtual_staining.readers.pixel_sizes import volume_size
from virtual_staining.runtime import cpu_count
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.sheet import parse_size
from virtual_staining.settings.stain import StainSettings

log = logging.getLogger(__name__)

# Voxel sizes that differ by less are the same: files state them with two or three digits.
SAME_SIZE = 0.02


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--model", required=True, nargs="+", help="generator.pt; several folds are averaged"
    )
    parser.add_argument(
        "--input", required=True, help="the CT, written as in the sample sheet's column volume"
    )
    parser.add_argument(
        "--voxel-size-um",
        default="",
        help="voxel size in µm, one number or three as z,y,x, with a last ! to overrule the file's "
        "(default: the size in the file)",
    )
    parser.add_argument(
        "--resample",
        action="store_true",
        help="bring a CT of another voxel size to that of the training instead of refusing the CT",
    )
    parser.add_argument(
        "--levels",
        nargs=2,
        type=float,
        metavar=("BACKGROUND", "BONE"),
        help="mean grey levels of background and of the reference tissue in the ingested CT, 16 "
        "bits (default: measured)",
    )
    parser.add_argument(
        "--settings",
        help=f"{StainSettings.argument_help()} (default: whole planes where the network allows "
        "them, else tiles of the training's size)",
    )
    parser.add_argument("--threads", type=int, default=cpu_count(), help="CPU threads")
    parser.add_argument("--output", required=True, type=Path, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Write ``ct.ome.zarr``, the stained volume and ``predict.json``, which says what was done.

    Raises
    ------
    InputError
        If a file cannot be used, or the CT's voxel size is not that of the training.
    """
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.predict.alarm import unknown_fraction, verdict

    check_numbers(args)
    facts = facts_of(args.model)
    settings = (
        read_settings(StainSettings, args.settings)
        if args.settings is not None
        else usual_settings(args.model[0])
    )
    with tempfile.TemporaryDirectory() as folder:
        volume = args.input
        if is_single_slice(Path(args.input)):
            planes = 2 * AsTrained(facts.section_thickness_um, facts.voxel_size_um).reach + 1
            volume = str(Path(folder) / "slice.ome.tif")
            write_stack(Path(args.input), planes, Path(volume))
        check_size(volume, args, facts)
        ct = args.output / "ct.ome.zarr"
        ingest(volume, ct, args, facts)
    stain(ct, args, facts, settings)
    stained = StainedVolumeFolder(args.output)
    if volume != args.input:
        write_slice(stained, args.output / "slide.tif", facts.voxel_size_um)
    unknown = unknown_fraction(ct, stained, facts)
    sentence = verdict(unknown)
    if sentence:
        log.warning("%s", sentence)
    write_json(
        args.output / "predict.json",
        {
            "input": args.input,
            "models": [str(path) for path in args.model],
            "stain": facts.stain,
            "voxel_size_um": facts.voxel_size_um,
            "section_thickness_um": facts.section_thickness_um,
            "unknown_fraction": None if np.isnan(unknown) else unknown,
            "warnings": [sentence] if sentence else [],
        },
    )


def check_numbers(args: argparse.Namespace) -> None:
    """Refuse numbers that cannot be meant, before the CT is read.

    Raises
    ------
    InputError
        With the argument and what would be right.
    """
    parse_size(args.voxel_size_um, 3, "predict: --voxel-size-um")
    if args.levels and not 0 <= args.levels[0] < args.levels[1] < 2**16:
        background, bone = args.levels
        raise InputError(
            f"predict: --levels: {background:g} and {bone:g} must be the level of the background "
            "and then that of the brighter bone, in 16 bits"
        )
    if args.threads < 1:
        raise InputError(f"predict: --threads: {args.threads} must be at least 1")


def ingest(volume: str, ct: Path, args: argparse.Namespace, facts: TrainedOn) -> None:
    """Bring the CT to the working format, with the voxel size of the training."""
    stage(
        "ingest",
        "volume",
        f"--volume={volume}",
        f"--voxel-size-um={args.voxel_size_um}",
        f"--settings={json.dumps({'voxel_size_um': facts.voxel_size_um})}",
        f"--threads={args.threads}",
        f"--out={ct}",
    )


def stain(ct: Path, args: argparse.Namespace, facts: TrainedOn, settings: StainSettings) -> None:
    """Stain the ingested CT."""
    levels = ["--levels", *map(str, args.levels)] if args.levels else []
    stage(
        "stain",
        f"--ct={ct}",
        *("--generator", *args.model),
        *levels,
        f"--normalize={json.dumps(facts.normalize)}",
        f"--mask={json.dumps(facts.mask)}",
        f"--section-thickness-um={facts.section_thickness_um}",
        f"--settings={settings.model_dump_json()}",
        f"--threads={args.threads}",
        f"--out={args.output}",
    )


def write_slice(stained: StainedVolumeFolder, out: Path, pixel_um: float) -> None:
    """Write the middle slice of a stained volume as RGB."""
    colours = open_rgba(stained.zarr)[0].array
    middle = np.asarray(colours[:3, colours.shape[1] // 2])
    write_image(out, np.ascontiguousarray(np.moveaxis(middle, 0, -1)), pixel_um)


def facts_of(paths: list[str]) -> TrainedOn:
    """Return what generator files were trained on, which must be the same stain and sizes.

    Raises
    ------
    InputError
        If a file does not say, or the files contradict each other.
    """
    from virtual_staining.artefacts.generator_file import load_trained_on

    all_facts = [load_trained_on(path) for path in paths]
    for path, facts in zip(paths, all_facts, strict=True):
        for name in ("stain", "voxel_size_um", "section_thickness_um", "normalize"):
            here, first = getattr(facts, name), getattr(all_facts[0], name)
            if here != first:
                raise InputError(
                    f"{path}: {name}: {here} is not that of {paths[0]} ({first}); give the folds "
                    "of one model"
                )
    return all_facts[0]


def usual_settings(path: str) -> StainSettings:
    """Return how planes pass through a generator best: at once, or as half overlapping tiles."""
    from virtual_staining.artefacts.generator_file import read_description

    trained = read_description(path)["settings"]
    patch_px = trained["patch_px"]
    return StainSettings(
        whole_planes=trained["norm"] == "pixel",
        patch_px=patch_px,
        step_px=patch_px // 2,
        window="hann",
    )


def check_size(volume: str, args: argparse.Namespace, facts: TrainedOn) -> None:
    """Refuse a CT of another voxel size than the training's, unless it is to be resampled.

    Raises
    ------
    InputError
        With both sizes.
    """
    source = open_volume(volume)
    if not args.voxel_size_um and source.voxel_size_um is None:
        raise InputError(f"{args.input}: states no voxel size; give --voxel-size-um")
    size_um = volume_size(source, args.voxel_size_um)  # as ingest will agree on it
    wanted = facts.voxel_size_um
    if not args.resample and any(abs(one / wanted - 1) > SAME_SIZE for one in size_um):
        sizes = " x ".join(f"{one:g}" for one in size_um)
        raise InputError(
            f"{args.input}: voxels of {sizes} µm; the networks were trained on {wanted:g} µm. Give "
            "--resample to bring the CT to that size, or a model trained on the CT's size"
        )


def stage(*arguments: str) -> None:
    """Run a stage of the workflow; its error sentence is already on the screen when it fails."""
    done = subprocess.run([sys.executable, "-m", "virtual_staining", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)
