"""A small registered pair with known tissue, for the tests of normalization and masks."""

import json

import numpy as np
from scipy import ndimage

from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import write_image

PIXEL_UM = 12.0
SHAPE = (320, 320)
AIR, TUBE, SOFT, MARROW, BONE, IMPLANT, DEGRADATION = range(7)
RIGID = (BONE, IMPLANT, DEGRADATION)
ATTENUATION = {"Mg": 1.14, "Ti": 8.3, "PEEK": 0.18}
RGB = {
    "toluidine": {
        AIR: (245, 242, 234), TUBE: (245, 242, 234), SOFT: (146, 175, 205), MARROW: (192, 194, 208),
        BONE: (172, 142, 182), IMPLANT: (2, 2, 2), DEGRADATION: (130, 121, 115),
    },
    "eosin": {
        AIR: (245, 242, 234), TUBE: (245, 242, 234), SOFT: (172, 125, 175), MARROW: (182, 146, 185),
        BONE: (218, 103, 128), IMPLANT: (245, 242, 234), DEGRADATION: (172, 154, 160),
    },
}  # fmt: skip
TRANSFORM = {
    "slide_px_to_um": [[PIXEL_UM, 0, 0], [0, PIXEL_UM, 0]],
    "pair_to_slide": [[1, 0, 0], [0, 1, 0]],
    "pair_pixel_um": PIXEL_UM,
}


def labels(material):
    """Tissue map: two bone plates with marrow between, a screw through them, soft tissue, tube."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    out = np.full(SHAPE, AIR)
    radius = np.hypot(y - 160, x - 160)
    out[(radius > 168) & (radius < 182)] = TUBE
    block = (np.abs(x - 160) < 110) & (y > 40) & (y < 275)
    out[block] = SOFT
    inner = block & (y > 75) & (y < 255)
    out[inner] = MARROW
    out[inner & ((y < 135) | (y > 195))] = BONE
    out[inner & ((x + y) % 34 < 9)] = BONE
    rim = 10 if material == "Mg" else 0
    out[(np.abs(x - 160) < 40 + rim) & (y > 60) & (y < 262)] = DEGRADATION if rim else IMPLANT
    out[(np.abs(x - 160) < 40) & (y > 60) & (y < 262)] = IMPLANT
    return out


def make_pair(material="Mg", stain="toluidine", bone=28000.0, background=8000.0, seed=0):
    """CT (uint16), section (uint8) and labels of a registered pair.

    The section has lost the soft tissue above the bone; the CT still holds it.
    """
    rng = np.random.default_rng(seed)
    truth = labels(material)
    level = np.array([0, 0.13, 0.05, 0.03, 1.0, ATTENUATION[material], 1.03])[truth]
    level = ndimage.gaussian_filter(level, 0.6) + 0.05 * rng.standard_normal(SHAPE)
    ct = np.clip(background + (bone - background) * level, 0, 65535).astype(np.uint16)
    on_slide = truth.copy()
    on_slide[:58][truth[:58] == SOFT] = AIR
    colour = np.array([RGB[stain][label] for label in range(7)], float)[on_slide]
    colour = ndimage.gaussian_filter(colour, (0.6, 0.6, 0)) + rng.normal(0, 2, (*SHAPE, 3))
    return ct, np.clip(colour.round(), 0, 255).astype(np.uint8), truth


def rectangle(name, left, top, right, bottom):
    """GeoJSON feature of a class."""
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"classification": {"name": name}},
    }


def write_pair(folder, ct, slide, features=()):
    """Write a pair as registration does; return the command line's arguments for it."""
    write_image(folder / "ct.tif", ct, PIXEL_UM)
    write_image(folder / "slide.tif", slide, PIXEL_UM)
    write_image(folder / "valid.tif", np.full(ct.shape, 255, np.uint8), PIXEL_UM)
    write_json(folder / "transform.json", TRANSFORM)
    arguments = []
    for name in ("ct.tif", "slide.tif", "valid.tif", "transform.json"):
        arguments += [f"--{name.split('.')[0]}", str(folder / name)]
    if features:
        (folder / "drawn.geojson").write_text(json.dumps(list(features)))
        arguments += ["--annotations", str(folder / "drawn.geojson")]
    return arguments
