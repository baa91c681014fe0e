"""Refinement of soft tissue against known displacements, at the paper's 5 µm.

Windows of synthetic sections whose soft tissue is displaced on the slide and not in the CT. Two
translators predict the section from its CT: the look-up table that the workflow uses, fitted on the
other specimens, and the undisplaced section itself with other colours and blurred, which no
translator can beat. Peer: optical flow without the rules (everywhere, no check, no smoothing).
Prints the soft tissue's error before and after (rms, px), how far bone moves, the folded share, the
gain of SSIM, also against another specimen (null), and the share of specimens whose refinement the
rules take (`taken_px`: the error with what is taken). Last line: JSON.
"""

import argparse
import json

import cv2
import numpy as np

from virtual_staining.cohort.damage import draw_artefacts, soft_shift
from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.sample_list import sample_specs
from virtual_staining.cohort.scan import draw_scan
from virtual_staining.cohort.section_plane import cut_section
from virtual_staining.cohort.specimen.attenuation import attenuation_table
from virtual_staining.cohort.specimen.labels import RIGID, Label, is_in
from virtual_staining.cohort.specimen.phantom import attenuation, make_phantom
from virtual_staining.cohort.synthetic_slide import COARSE_UM, DEPTHS, Layers, render_slide
from virtual_staining.imaging.colour_tables import JointTable
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.soft_field import (
    flow,
    folded_share,
    lightness,
    soft_similarity,
    warped,
)
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.register.refine import refine_slide
from virtual_staining.settings.cohort import CohortSettings
from virtual_staining.settings.refine import RefineSettings

PIXEL_UM, WINDOW_UM, THICKNESS_UM = 5.0, 3000.0, 40.0
CT_WHITE, BONE, BACKGROUND = 40000.0, 30000.0, 10000.0
PLANES = 8  # voxels of a section's thickness, over which noise averages


def window(spec, settings: CohortSettings, shift_um: float) -> dict:
    """Return CT plane, displaced slide, ideal prediction, soft and rigid masks and the truth."""
    phantom = make_phantom(spec.material, 6000.0, spec.seed)
    whole = cut_section(phantom, spec, settings)
    plane = whole.slide_to_volume
    corner = (np.array(whole.size_um) - WINDOW_UM) / 2 + [0, 400]
    plane = SectionMap(plane.to_volume([corner])[0], plane.u, plane.v)
    size = (WINDOW_UM, WINDOW_UM)
    shape = (round(WINDOW_UM / PIXEL_UM),) * 2
    common = (phantom, plane, None, size, PIXEL_UM, THICKNESS_UM)
    staining = draw_staining(spec.stain, spec.material, spec.seed)
    other = draw_staining(spec.stain, spec.material, (spec.seed[0] + 1, *spec.seed[1:]))
    moved = render_slide(*common, shift_um, staining, spec.seed)
    still = render_slide(*common, 0.0, other, spec.seed)
    coarse_shape = tuple(int(np.ceil(n * PIXEL_UM / COARSE_UM)) for n in shape)
    coarse = Layers(phantom, plane, coarse_shape, COARSE_UM, THICKNESS_UM)
    artefacts = draw_artefacts(
        coarse.labels(range(coarse_shape[0])), COARSE_UM, shape, PIXEL_UM, shift_um, spec.seed
    )
    at = (np.arange(shape[0]) + 0.5) * PIXEL_UM
    layers = Layers(phantom, plane, shape, PIXEL_UM, THICKNESS_UM)
    intact = layers.labels(range(shape[0]))
    return {
        "sample": spec.sample,
        "ct": ct_plane(layers, phantom, spec),
        "slide": moved.rgb,
        "ideal": cv2.GaussianBlur(still.rgb, (0, 0), 1.0),
        "soft": is_in(moved.labels, (Label.SOFT, Label.MARROW)),
        "rigid": is_in(intact, RIGID),
        "shift_px": soft_shift(artefacts, at, at) / PIXEL_UM,
    }


def ct_plane(layers: Layers, phantom, spec) -> np.ndarray:
    """Return the CT averaged through the section, blurred and noisy as a scan, normalized."""
    scan = draw_scan(phantom, "uint16", 6000.0, (25, 45), spec.seed)
    table = attenuation_table(phantom.implant, scan.energy_kev)
    value = np.zeros(layers.shape, np.float32)
    for depth in range(len(DEPTHS)):
        inside, found = layers.tissue(range(layers.shape[0]), depth)
        value.ravel()[inside] += attenuation(table, found) / len(DEPTHS)
    blurred = cv2.GaussianBlur(value, (0, 0), 0.7)
    blurred += scan.fringe * (blurred - cv2.GaussianBlur(value, (0, 0), 1.5))
    noise = np.random.default_rng(spec.seed).standard_normal(value.shape)
    blurred += scan.noise / np.sqrt(PLANES) * cv2.GaussianBlur(1.5 * noise, (0, 0), 0.6)
    return np.clip(BACKGROUND + (BONE - BACKGROUND) * blurred, 0, 65535).astype(np.uint16)


def error_px(field: np.ndarray, case: dict) -> float:
    """Return the rms distance by which soft tissue is off, px."""
    left = field + warped(case["shift_px"], field)
    return float(np.sqrt((left**2).sum(0)[case["soft"]].mean()))


def measure(cases: list[dict], translator: str, kind: str, settings: RefineSettings) -> dict:
    """Return the figures of one translator and one kind of refinement, means over specimens."""
    rows = []
    for k, case in enumerate(cases):
        predictions = [predict(cases, case, translator), predict(cases, cases[k - 1], translator)]
        still = np.zeros((2, *case["soft"].shape), np.float32)
        before = error_px(still, case)
        if kind == "workflow":
            soft = case["soft"] & ~case["rigid"]
            pair = TrainingPair(case["sample"], case["ct"], case["slide"], soft)
            classes = np.where(soft, Tissue.SOFT, Tissue.BACKGROUND).astype(np.uint8)
            classes[case["rigid"]] = Tissue.RIGID
            field, figures, _ = refine_slide(pair, classes, *predictions, PIXEL_UM, settings)
            after = error_px(field.shift_px, case)
            taken = not figures.refused
            row = {name: getattr(figures, name) for name in ("bone_px", "folded")}
            row |= {name: getattr(figures, name) for name in ("gain", "null_gain")}
            row |= {"taken": taken, "taken_px": after if taken else before}
        else:
            fields = [plain_flow(case, predicted) for predicted in predictions]
            after = error_px(fields[0], case)
            gains = [gain(case, *pair) for pair in zip(predictions, fields, strict=True)]
            row = {
                "bone_px": np.percentile(np.hypot(*fields[0])[case["rigid"]], 99),
                "folded": folded_share(fields[0], case["soft"], PIXEL_UM),
                "gain": gains[0],
                "null_gain": gains[1],
                "taken": True,
                "taken_px": after,
            }
        rows.append({"before_px": before, "after_px": after, **row})
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def plain_flow(case: dict, predicted: np.ndarray) -> np.ndarray:
    """Return optical flow without any rule."""
    everywhere = np.ones_like(case["soft"])
    return flow(lightness(predicted, everywhere), lightness(case["slide"], everywhere))


def gain(case: dict, predicted: np.ndarray, field: np.ndarray) -> float:
    """Return how much SSIM to a prediction the field gains over soft tissue."""
    after = soft_similarity(predicted, warped(case["slide"], field), case["soft"])
    return after - soft_similarity(predicted, case["slide"], case["soft"])


def predict(cases: list[dict], case: dict, translator: str) -> np.ndarray:
    """Return a specimen's section as a translator predicts it; the table saw only the others."""
    if translator == "ideal":
        return case["ideal"]
    table = JointTable(CT_WHITE)
    for other in cases:
        if other is not case:
            seen = other["soft"] | other["rigid"]
            table.add(other["ct"], other["slide"], seen, PIXEL_UM)
    return table.stain(case["ct"], PIXEL_UM)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--soft-shift-um", type=float, nargs="+", default=[60.0])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    counts = {"toluidine_blue": {"crossval": {"Mg": args.samples}, "test": {}}}
    cohort = CohortSettings(stains=counts, voxel_size_um=5, slide_pixel_um=5, partial_fraction=0)
    specs = sample_specs(cohort, args.seed)
    results: dict = {}
    print("shift, µm  translator  refinement   soft px      bone px  folded   gain    null  taken")
    for shift in args.soft_shift_um:
        cases = [window(spec, cohort, shift) for spec in specs]
        for translator in ("ideal", "table"):
            for kind in ("workflow", "plain flow"):
                row = measure(cases, translator, kind, RefineSettings())
                results[f"{translator} {kind} {shift:g} um"] = row
                print(
                    f"{shift:9g}  {translator:10}  {kind:11}  {row['before_px']:.2f} → "
                    f"{row['after_px']:.2f}  {row['bone_px']:7.3f}  {row['folded']:6.4f}"
                    f"  {row['gain']:+.3f}  {row['null_gain']:+.3f}  {row['taken']:.2f}"
                )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
