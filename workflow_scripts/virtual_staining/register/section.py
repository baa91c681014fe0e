"""``register section``: find one section's plane in its volume and write the registered pair."""

import argparse
import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.registration import Registration, write_registration
from virtual_staining.artefacts.registration_failed import write_failed
from virtual_staining.artefacts.slide import open_slide_pyramid, stored_to_um
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.register.aligned import register_aligned
from virtual_staining.register.block_plane import BlockPlane, flag_block, read_block_plane
from virtual_staining.register.inputs import (
    check_sizes,
    coarsest_level_below,
    read_section,
    read_volume,
)
from virtual_staining.register.result.flags import bone_dice, flag_result, is_unsure
from virtual_staining.register.result.itk_transform import write_tfm
from virtual_staining.register.result.landscape import landscape
from virtual_staining.register.result.pair import Pair, make_pair
from virtual_staining.register.result.qc import draw_qc
from virtual_staining.register.rough_pose import read_initial_pose
from virtual_staining.register.search.block.other_face import search_other_face
from virtual_staining.register.search.confidence import SectionResult
from virtual_staining.register.search.single import search_everywhere, search_near
from virtual_staining.register.search.starts import view_vector
from virtual_staining.register.similarity.mutual_information import histogram_at, score_poses
from virtual_staining.register.similarity.pose import (
    SCALE_X,
    SCALE_Y,
    SHEAR,
    STRETCH,
    UPRIGHT,
    frame_angle_deg,
    normals,
)
from virtual_staining.register.similarity.scales import SectionScales
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--ct", required=True, help="ingested volume, ct.ome.zarr")
    parser.add_argument(
        "--aligned-um",
        type=float,
        help="pixel size of the pair, µm, where --ct is a grey image on the slide's own pixels, "
        "aligned before; nothing is searched then",
    )
    parser.add_argument(
        "--insist",
        action="store_true",
        help="with --aligned-um: use the slide's pixel size whatever the grey image says",
    )
    parser.add_argument("--slide", required=True, help="ingested slide, slide.ome.tif")
    parser.add_argument(
        "--initial-pose", default="", help="rough pose or transform.json, or landmarks (.csv)"
    )
    parser.add_argument(
        "--block-planes", default="", help="planes.json of the block that the section belongs to"
    )
    parser.add_argument(
        "--view-axis",
        default="",
        help="volume axis along which one looks at the slide: x+, x-, y+, y-, z+ or z-; or a "
        "direction x,y,z, which also turns over a section whose block shows its other face",
    )
    parser.add_argument("--settings", required=True, help=RegisterSettings.argument_help())
    parser.add_argument(
        "--mode",
        choices=["auto", "initial_pose", "fixed"],
        help="way of registration of this section (default: the settings' mode)",
    )
    parser.add_argument(
        "--failed",
        choices=["stop", "drop"],
        default="stop",
        help="end with an error where the section cannot be registered, or write files that say so "
        "and leave the section out (default: stop)",
    )
    parser.add_argument("--sample", required=True, help="id of the sample")
    parser.add_argument("--volume", required=True, help="id of the volume")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Register the section, or write why it is left out."""
    settings = read_settings(RegisterSettings, args.settings)
    try:
        if args.aligned_um is not None:
            register_aligned(args, args.aligned_um)
        else:
            register_section(args, settings)
    except InputError as error:
        if args.failed == "stop":
            raise
        log.warning("%s: left out, because the registration failed: %s", args.sample, error)
        write_failed(args.out, args.sample, args.volume, str(error))


def register_section(args: argparse.Namespace, settings: RegisterSettings) -> None:
    """Write the pair, ``transform.json``, ``slide_to_volume.tfm`` and ``qc.png``."""
    settings = settings.model_copy(update={"mode": args.mode or settings.mode})
    settings = settings.part(*settings_parts(args, settings))
    volume_levels, slide_levels = open_volume_pyramid(args.ct), open_slide_pyramid(args.slide)
    guess = read_guess(args, settings, slide_levels[0].size_um)
    searched = settings.mode == "auto" and not args.block_planes
    check_sizes(args.ct, args.sample, volume_levels, slide_levels, searched=searched)
    section = read_section(slide_levels, read_volume(volume_levels, settings), settings)
    plane = None
    if args.block_planes:
        plane = read_block_plane(args.block_planes, args.sample, section, settings)
        result = plane.section
        if "," in args.view_axis and normals(result.pose) @ view_vector(args.view_axis) < 0:
            result = search_other_face(result.pose, section, settings)
    else:
        result = search(guess, section, settings, view_vector(args.view_axis))
    volume = volume_levels[0]
    slide = coarsest_level_below(slide_levels, volume.voxel_size_um)
    pair = make_pair(result.pose, section, volume, slide, settings.section_thickness_um)
    if pair is None:
        raise InputError(
            f"sample {args.sample}: initial_pose: the section's plane misses the volume; "
            "check the pose (µm, volume x, y, z) and the pixel sizes"
        )
    registration = summarize(args, result, pair, section, plane, settings)
    for flag in registration.flags:
        log.warning("%s: %s", args.sample, flag)
    write_tfm(args.out / "slide_to_volume.tfm", pair.slide_to_volume)
    write_qc(args.out / "qc.png", registration, result.pose, pair, section, settings)
    write_registration(args.out, pair.ct, pair.slide, pair.valid, registration)


def settings_parts(args: argparse.Namespace, settings: RegisterSettings) -> list[str]:
    """Return the modes whose keys this registration reads."""
    if not args.block_planes:
        return [settings.mode]
    return ["fixed", "block"] if "," in args.view_axis else ["fixed"]


def read_guess(
    args: argparse.Namespace, settings: RegisterSettings, size_um: tuple[float, float]
) -> np.ndarray | None:
    """Return the first guess of the pose (12,), or None if the mode is ``auto``."""
    if settings.mode == "auto":
        return None
    if not args.initial_pose:
        raise InputError(
            f"sample {args.sample}: initial_pose: give a pose or landmarks file, or set the mode "
            "of its registration to auto"
        )
    guess = read_initial_pose(args.initial_pose, size_um, stored_to_um(args.slide))
    if settings.mode != "fixed":
        guess[STRETCH] = 0  # the search starts without stretch
    return guess


def search(
    guess: np.ndarray | None,
    section: SectionScales,
    settings: RegisterSettings,
    view: np.ndarray | None,
) -> SectionResult:
    """Search the section's pose as the settings' mode says; a fixed pose is only scored."""
    if settings.mode == "auto":
        return search_everywhere(section, settings, view)
    if settings.mode == "initial_pose":
        return search_near(guess, section, settings)
    score = score_poses(section.scales[-1], settings.grey_bins, guess[np.newaxis])[0]
    return SectionResult(guess, float(score), margin=1.0, agreeing=0, searches=0, confidence=1.0)


def summarize(
    args: argparse.Namespace,
    result: SectionResult,
    pair: Pair,
    section: SectionScales,
    plane: BlockPlane | None,
    settings: RegisterSettings,
) -> Registration:
    """Return the contents of ``transform.json``."""
    dice = bone_dice(histogram_at(section.scales[-1], settings.grey_bins, result.pose))
    flags = flag_result(result, pair.tissue_fraction, settings)
    return Registration(
        sample=args.sample,
        volume=args.volume,
        pair_shape_px=pair.grid.shape,
        pair_pixel_um=pair.grid.pixel_um,
        pair_to_volume=pair.grid.to_volume,
        slide_to_volume=pair.slide_to_volume,
        pair_to_slide=pair.pair_to_slide,
        slide_px_to_um=stored_to_um(args.slide),
        mutual_information=result.mutual_information,
        margin=result.margin,
        agreeing=result.agreeing,
        searches=result.searches,
        confidence=result.confidence,
        scale_x=float(result.pose[SCALE_X]),
        scale_y=float(result.pose[SCALE_Y]),
        shear=float(result.pose[SHEAR]),
        rotation_deg=frame_angle_deg(UPRIGHT, result.pose),
        block=plane.describe() if plane else None,
        bone_dice=dice if np.isfinite(dice) else None,
        unsure=is_unsure(result, settings),
        flags=[*flags, *(flag_block(plane, settings) if plane else [])],
    )


def write_qc(
    path: Path,
    registration: Registration,
    pose: np.ndarray,
    pair: Pair,
    section: SectionScales,
    settings: RegisterSettings,
) -> None:
    """Write the picture by which a person checks the registration."""
    coarse = section.scales[0]
    around = landscape(coarse, settings.grey_bins, pose, section.size_um)
    placed = (coarse.volume, coarse.voxel_um, pair.slide_to_volume, section.size_um)
    text = "\n".join([title_of(registration), *registration.flags])
    flagged = bool(registration.flags)
    draw_qc(path, pair.ct, pair.slide, pair.valid, text, flagged, around, placed)


def title_of(registration: Registration) -> str:
    """Return the picture's title: the figures of a registration."""
    dice = np.nan if registration.bone_dice is None else registration.bone_dice
    title = (
        f"{registration.sample}   MI {registration.mutual_information:.3f}   "
        f"confidence {registration.confidence:.2f}   bone Dice {dice:.2f}   "
        f"scale {registration.scale_x:+.3f} {registration.scale_y:+.3f}   "
        f"shear {registration.shear:+.3f}"
    )
    if registration.block:
        title += f"   orientation of block {registration.block['name']}"
    return title
