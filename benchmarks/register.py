"""Registration against known truth, SimpleITK's beside it, real sections, and growth with size.

Parts (all by default): ``known`` synthetic sections with no first guess, every one a specimen of
its own; ``strangers``, the same sections shown to another's volume, which must be called unsure;
``peer``, SimpleITK from the identity and from a person's rough pose; ``brain`` and ``bone``, real
data (``--data``); ``block``, the brain's sections together, without and with ``view_axis``;
``growth``, the whole command on 300³, 600³ and 1200³ voxels. A result is right when the 95th
percentile of its error over the tissue is at most 2 voxels. Times are processor seconds of one
thread; run it on an idle machine. The last line is JSON.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
from register_block import measure_block
from register_cases import KINDS, Case, errors, make_case, section_of
from register_growth import measure_growth
from register_peer import register_with_sitk
from register_real import bone_case, brain_case, brain_errors, sections_of

from virtual_staining.register.result.flags import is_unsure
from virtual_staining.register.search.confidence import SectionResult
from virtual_staining.register.search.single import search_everywhere
from virtual_staining.register.similarity.pose import CENTER, UPRIGHT
from virtual_staining.settings.register import RegisterSettings

PARTS = ("known", "strangers", "peer", "brain", "block", "bone", "growth")
GATED = ("screw_full", "screw_partial", "any_full")  # the others are for the record
RIGHT_VOXEL = 2.0
BONE_RIGHT_VOXEL = 1.0
BRAIN_RIGHT = (5.0, 500.0)  # degrees, µm
# Two searches: more of them bring no section nearer to the reference planes.
BRAIN = RegisterSettings(section_thickness_um=50, max_scale=0.25, scan_rotations=1000, searches=2)
BLOCKS = {"block": "", "block_face_known": "z+"}  # name of the run: view_axis


def register(case: Case, settings: RegisterSettings) -> tuple[SectionResult, float]:
    """Search without a first guess; return the result and the processor seconds it took."""
    start = time.process_time()
    result = search_everywhere(section_of(case, settings), settings)
    return result, time.process_time() - start


def row_of(kind: str, case: Case, result: SectionResult, seconds: float) -> dict:
    """Gather one case's figures, and print them."""
    plane_deg, frame_deg, tre95_voxel = errors(case, result.pose)
    row = {
        "kind": kind,
        "plane_deg": plane_deg,
        "tre95_voxel": tre95_voxel,
        "cpu_s": seconds,
        "unsure": is_unsure(result, RegisterSettings()),
    }
    print(
        f"{kind:14s} {case.name:17s} {case.material:5s} plane {plane_deg:7.2f}°  "
        f"frame {frame_deg:7.2f}°  TRE95 {tre95_voxel:7.2f} voxel  {seconds:5.1f} CPU s  "
        f"margin {result.margin:6.3f}  agree {result.agreeing}/{result.searches}  "
        f"confidence {result.confidence:.2f}{'  UNSURE' if row['unsure'] else ''}",
        flush=True,
    )
    return row


def known(task: tuple) -> dict:
    """Register one section to its own volume."""
    kind, index, seed = task
    case = make_case(kind, index, seed)
    return row_of(kind, case, *register(case, RegisterSettings()))


def stranger(task: tuple) -> dict:
    """Register one section to the volume of the next specimen: every result is wrong."""
    kind, index, seed = task
    case, other = make_case(kind, index, seed), make_case(kind, index + 1, seed)
    mixed = Case(**{**vars(case), "volume": other.volume, "name": f"{case.name} in next"})
    return row_of("stranger", mixed, *register(mixed, RegisterSettings()))


def peer(task: tuple) -> list[dict]:
    """Register one section with SimpleITK, from the volume's middle and from a rough pose."""
    kind, index, seed = task
    case = make_case(kind, index, seed)
    middle = np.array(case.volume.shape[::-1]) * case.voxel_um / 2
    starts = {
        "identity": np.concatenate([middle, UPRIGHT[CENTER.stop :]]),
        "rough pose": case.rough,
    }
    rows = []
    for name, start in starts.items():
        begun = time.process_time()
        try:
            pose = register_with_sitk(case, start)
        except RuntimeError:  # all of SimpleITK's samples lie outside the volume
            pose = start
        seconds = time.process_time() - begun
        plane_deg, _, tre95_voxel = errors(case, pose)
        rows.append({"kind": name, "tre95_voxel": tre95_voxel, "cpu_s": seconds})
        print(
            f"SimpleITK from {name:11s} {case.name:17s} plane {plane_deg:7.2f}°  "
            f"TRE95 {tre95_voxel:7.2f} voxel  {seconds:5.1f} CPU s",
            flush=True,
        )
    return rows


def brain(task: tuple) -> dict:
    """Register one mouse-brain section to the tomogram of another brain."""
    folder, entry = task
    case = brain_case(folder, entry)
    result, seconds = register(case, BRAIN)
    plane_deg, center_um = brain_errors(case, result.pose)
    right = plane_deg <= BRAIN_RIGHT[0] and center_um <= BRAIN_RIGHT[1]
    print(
        f"brain {case.name:6s} plane {plane_deg:6.1f}°  centre {center_um:6.0f} µm  "
        f"{seconds:5.1f} CPU s  confidence {result.confidence:.2f}{'' if right else '  WRONG'}",
        flush=True,
    )
    return {"right": right, "cpu_s": seconds}


def bone(task: tuple) -> dict:
    """Register an oblique slice of the trabecular bone to its own volume."""
    folder, index, seed = task
    case = bone_case(folder, index, seed)
    return row_of("bone", case, *register(case, RegisterSettings(section_thickness_um=0)))


def summary(rows: list[dict]) -> dict:
    """Print the synthetic sections' table and return the figures that targets are set for."""
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        if own:
            right = [row for row in own if row["tre95_voxel"] <= RIGHT_VOXEL]
            print(f"{kind:14s} {len(right)}/{len(own)} right")
    gated = [row for row in rows if row["kind"] in GATED]
    right = [row for row in gated if row["tre95_voxel"] <= RIGHT_VOXEL]
    wrong = [row for row in gated if row["tre95_voxel"] > RIGHT_VOXEL]
    sure = [row for row in rows if not row["unsure"]]
    sure_but_wrong = [row for row in sure if row["tre95_voxel"] > RIGHT_VOXEL]
    print(f"of {len(sure)} called sure, all kinds, {len(sure_but_wrong)} are wrong")
    seconds = [row["cpu_s"] for row in gated]
    return {
        "cases": len(gated),
        "success": len(right),
        "median_angle_deg": _median([row["plane_deg"] for row in right]),
        "median_tre95_voxel": _median([row["tre95_voxel"] for row in right]),
        "median_cpu_s": _median(seconds),
        "worst_cpu_s": round(max(seconds), 1) if seconds else None,
        "silent_failures": sum(not row["unsure"] for row in wrong),
        "false_alarms": sum(row["unsure"] for row in right),
        "wrong_share_of_sure": round(len(sure_but_wrong) / max(len(sure), 1), 3),
    }


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None


def main() -> None:
    """Run the parts asked for and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seed", type=int, default=20_000, help="of the synthetic sections")
    parser.add_argument("--share", type=float, default=1.0, help="use this part of each kind")
    parser.add_argument("--peer-cases", type=int, default=6)
    parser.add_argument("--strangers", type=int, default=10)
    parser.add_argument("--data", type=Path, help="folder of the real data; left out without it")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each of one thread")
    args = parser.parse_args()
    tasks = [
        (kind, index, args.seed)
        for kind, (*_, count) in KINDS.items()
        for index in range(max(1, round(args.share * count)))
    ]
    result = {}
    with ProcessPoolExecutor(args.jobs) as pool:
        if "known" in args.parts:
            result |= summary(list(pool.map(known, tasks)))
        if "strangers" in args.parts:
            chosen = tasks[:: max(1, len(tasks) // args.strangers)][: args.strangers]
            rows = list(pool.map(stranger, chosen))
            sure = sum(not row["unsure"] for row in rows)
            print(f"strangers called sure: {sure} of {len(rows)}")
            result["strangers_called_sure"] = sure
        if "peer" in args.parts:
            gated = [task for task in tasks if task[0] in GATED]
            chosen = gated[:: max(1, len(gated) // args.peer_cases)][: args.peer_cases]
            rows = list(chain.from_iterable(pool.map(peer, chosen)))
            for name in ("identity", "rough pose"):
                own = [row for row in rows if row["kind"] == name]
                right = [row for row in own if row["tre95_voxel"] <= RIGHT_VOXEL]
                key = f"sitk_{name.replace(' ', '_')}"
                result[f"{key}_success"] = f"{len(right)}/{len(own)}"
                result[f"{key}_median_cpu_s"] = _median([row["cpu_s"] for row in own])
        if args.data and "brain" in args.parts:
            folder = args.data / "mouse-brain-2d3d"
            rows = list(pool.map(brain, [(folder, entry) for entry in sections_of(folder)]))
            result["brain_right"] = f"{sum(row['right'] for row in rows)}/{len(rows)}"
            result["brain_median_cpu_s"] = _median([row["cpu_s"] for row in rows])
        if args.data and "block" in args.parts:
            folder = args.data / "mouse-brain-2d3d"
            blocks = [(folder, *item, BRAIN, BRAIN_RIGHT) for item in BLOCKS.items()]
            for figures in pool.map(measure_block, blocks):
                result |= figures
        if args.data and "bone" in args.parts:
            folder = args.data / "trabecular-bone-lhdl"
            rows = list(pool.map(bone, [(folder, index, args.seed) for index in range(20)]))
            right = sum(row["tre95_voxel"] <= BONE_RIGHT_VOXEL for row in rows)
            result["bone_right"] = f"{right}/{len(rows)}"
            result["bone_median_cpu_s"] = _median([row["cpu_s"] for row in rows])
    if "growth" in args.parts:
        result |= measure_growth(make_case("screw_full", 0, args.seed))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
