"""``register section``: find one section's plane in its volume and write the pair."""

import argparse
import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts import slide as slides
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.registration import Registration, write_registration
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.block_plane import BlockPlane, flag_block, read_block
from virtual_staining.register.inputs import load_member, load_volume, slide_no_coarser_than
from virtual_staining.register.result.flags import bone_dice, flag_result, is_unsure
from virtual_staining.register.result.itk_transform import write_tfm
from virtual_staining.register.result.landscape import landscape
from virtual_staining.register.result.pair_grid import (
    common_grid,
    compose,
    resample_ct,
    resample_slide,
    valid_mask,
)
from virtual_staining.register.result.qc import draw_qc
from virtual_staining.register.rough_pose import read_initial_pose
from virtual_staining.register.search.confidence import Found
from virtual_staining.register.search.single import search_everywhere, search_near
from virtual_staining.register.search.starts import view_vector
from virtual_staining.register.similarity import pose as poses
from virtual_staining.register.similarity.mutual_information import histogram_at, score_poses
from virtual_staining.register.similarity.scales import Member
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--ct", required=True, help="ingested volume, ct.ome.zarr")
    parser.add_argument("--slide", required=True, help="ingested section, slide.ome.tif")
    parser.add_argument("--initial-pose", default="", help="rough pose (.json) or landmarks (.csv)")
    parser.add_argument("--block-planes", default="", help="planes of the section's block (.json)")
    parser.add_argument("--view-axis", default="", help="x+, x-, y+, y-, z+ or z-, if known")
    parser.add_argument("--settings", required=True, help=RegisterSettings.argument_help())
    parser.add_argument("--sample", required=True, help="id of the sample")
    parser.add_argument("--volume", required=True, help="id of the volume")
    parser.add_argument("--out", required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the pair, ``transform.json``, ``slide_to_volume.tfm`` and ``qc.png``."""
    settings = read_settings(RegisterSettings, args.settings)
    levels = omezarr.open_volume_pyramid(args.ct)
    slide_levels = slides.open_slide_pyramid(args.slide)
    guess = read_guess(args, settings, slide_levels[0].size_um)
    one = load_member(slide_levels, *load_volume(levels, settings), settings)
    block = read_block(args.block_planes, args.sample, one, settings) if args.block_planes else None
    found = block.found if block else find(guess, one, settings, view_vector(args.view_axis))
    write_pair(args, settings, levels[0], slide_levels, one, found, block)


def find(
    guess: np.ndarray | None, one: Member, settings: RegisterSettings, view: np.ndarray | None
) -> Found:
    """Search as the settings' mode says; a fixed pose is only scored."""
    if settings.mode == "auto":
        return search_everywhere(one.scales, one.image, one.colours, one.size_um, settings, view)
    if settings.mode == "initial_pose":
        return search_near(guess, one.scales, len(one.colours), one.size_um, settings)
    fine, classes = one.scales[-1], len(one.colours)
    score = score_poses(*fine.arguments, classes, settings.grey_bins, guess[np.newaxis])
    return Found(guess, float(score[0]), margin=1.0, agreeing=0, searches=0, confidence=1.0)


def read_guess(
    args: argparse.Namespace, settings: RegisterSettings, size_um: tuple[float, float]
) -> np.ndarray | None:
    """Return the first pose (12,), or None where the search goes without."""
    if settings.mode == "auto":
        return None
    if not args.initial_pose:
        raise InputError(
            f"sample {args.sample}: initial_pose: give a pose or landmarks file, or set the mode "
            "of its registration to auto"
        )
    guess = read_initial_pose(args.initial_pose, size_um, slides.stored_to_um(args.slide))
    if settings.mode != "fixed":
        guess[9:] = 0  # the search starts without stretch
    return guess


def write_pair(
    args: argparse.Namespace,
    settings: RegisterSettings,
    level: omezarr.VolumeLevel,
    slide_levels: list[slides.SlideLevel],
    one: Member,
    found: Found,
    block: BlockPlane | None,
) -> None:
    """Resample both images onto the common grid and write everything."""
    scales, colours, size_um = one.scales, one.colours, one.size_um
    voxel_um = level.voxel_size_um
    volume_size_um = tuple(n * voxel_um for n in level.array.shape[::-1])
    slide_to_volume = poses.to_map(found.pose, size_um)
    frame = SectionMap(found.pose[:3], found.pose[3:6], found.pose[6:9])
    grid = common_grid(frame, slide_to_volume, size_um, volume_size_um, voxel_um)
    if grid is None:
        raise InputError(
            f"sample {args.sample}: initial_pose: the section's plane misses the volume; "
            "check the pose (µm, volume x, y, z) and the pixel sizes"
        )
    pair_to_slide = compose(grid.to_volume, slide_to_volume)
    source = slide_no_coarser_than(slide_levels, voxel_um)
    paper = colours[colours.sum(1).argmax()]  # the bare slide is its brightest colour class
    slide = resample_slide(source.read(), source.pixel_size_um, pair_to_slide, grid, paper)
    ct = resample_ct(level.array, voxel_um, grid, settings.section_thickness_um)
    valid = valid_mask(grid, pair_to_slide, size_um, volume_size_um)
    tissue = np.abs(slide - paper).sum(2) > np.abs(colours - paper).sum(1).max() / 4
    flags = flag_result(found, float((tissue & valid).mean()), settings)
    flags += flag_block(block, settings) if block else []
    for flag in flags:
        log.warning("%s: %s", args.sample, flag)
    out = Path(args.out)
    write_tfm(out / "slide_to_volume.tfm", slide_to_volume)
    dice = bone_dice(histogram_at(scales[-1], len(colours), settings.grey_bins, found.pose))
    title = (
        f"{args.sample}   MI {found.mutual_information:.3f}   confidence {found.confidence:.2f}   "
        f"bone Dice {dice:.2f}   "
        f"scale {found.pose[9]:+.3f} {found.pose[10]:+.3f}   shear {found.pose[11]:+.3f}"
        + (f"   orientation of block {block.name}" if block else "")
    )
    around = landscape(scales[0], len(colours), settings.grey_bins, found.pose, size_um)
    placed = (scales[0].volume, scales[0].voxel_um, slide_to_volume, size_um)
    text = "\n".join([title, *flags])
    draw_qc(out / "qc.png", ct, slide, valid, text, bool(flags), around, placed)
    registration = Registration(
        sample=args.sample,
        volume=args.volume,
        pair_shape_px=grid.shape,
        pair_pixel_um=grid.pixel_um,
        pair_to_volume=grid.to_volume,
        slide_to_volume=slide_to_volume,
        pair_to_slide=pair_to_slide,
        slide_px_to_um=slides.stored_to_um(args.slide),
        **describe(found),
        block=block.describe() if block else None,
        bone_dice=dice if np.isfinite(dice) else None,
        unsure=is_unsure(found, settings),
        flags=flags,
    )
    write_registration(out, ct, slide, valid, registration)


def describe(found: Found) -> dict:
    """Return the figures of the search's result that ``transform.json`` holds."""
    upright = np.array([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0.0])
    return {
        "mutual_information": found.mutual_information,
        "margin": found.margin,
        "agreeing": found.agreeing,
        "searches": found.searches,
        "confidence": found.confidence,
        "scale_x": float(found.pose[9]),
        "scale_y": float(found.pose[10]),
        "shear": float(found.pose[11]),
        "rotation_deg": poses.frame_angle_deg(upright, found.pose),
    }
