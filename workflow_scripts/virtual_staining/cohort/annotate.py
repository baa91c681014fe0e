"""Annotations as a person would draw them in QuPath: Bone, Background and Exclude."""

import cv2
import numpy as np

from virtual_staining.cohort.specimen.labels import Label, is_in

GRID_UM = 20.0
COLOURS = {"Bone": [180, 90, 200], "Background": [200, 200, 200], "Exclude": [250, 60, 60]}


def annotate(
    labels: np.ndarray, pieces: list[np.ndarray], pixel_um: float, seed: tuple[int, ...]
) -> dict:
    """Draw a few regions of each class that the slide offers.

    Parameters
    ----------
    labels : ndarray, shape (y, x), uint8
        Labels of the slide.
    pieces : list of ndarray (n, 2)
        Outlines of missing pieces, slide µm.
    pixel_um : float
        Slide pixel, µm.
    seed : tuple of int

    Returns
    -------
    dict
        GeoJSON FeatureCollection in full-resolution slide pixels, classes in
        ``properties.classification.name``.
    """
    rng = np.random.default_rng([*seed, 9000])
    step = max(1, round(GRID_UM / pixel_um))
    coarse = labels[step // 2 :: step, step // 2 :: step]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    # the reference is mature bone: woven bone takes another colour
    mature = (Label.CORTICAL, Label.TRABECULAR, Label.LACUNA, Label.VESSEL)
    bone = is_in(coarse, mature).astype(np.uint8)
    bone = cv2.morphologyEx(bone, cv2.MORPH_CLOSE, kernel)  # nobody draws around a pore
    empty = cv2.erode((coarse == Label.AIR).astype(np.uint8), kernel, iterations=3)
    for outline in pieces:
        cv2.fillPoly(empty, [np.rint(outline / (step * pixel_um)).astype(np.int32)], 0)
    features = []
    for name, mask, radius_um in (("Bone", bone, 350.0), ("Background", empty, 500.0)):
        for outline in _regions(mask, radius_um / (step * pixel_um), 3, rng):
            features.append(_feature(name, (outline + 0.5) * step))
    for outline in pieces:
        centre = outline.mean(0)
        features.append(_feature("Exclude", (centre + 1.1 * (outline - centre)) / pixel_um))
    return {"type": "FeatureCollection", "features": features}


def _regions(
    mask: np.ndarray, radius_px: float, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Outlines (n, 2) x, y of up to ``count`` separate regions well inside a mask."""
    mask = np.pad(mask, 1)[1:-1, 1:-1].copy()
    outlines = []
    for _ in range(count):
        framed = np.pad(mask, 1)  # the slide's border counts as an edge
        depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
        if depth.max() < 3:
            break
        candidates = np.argwhere(depth >= max(3, 0.75 * depth.max()))
        y, x = candidates[rng.integers(len(candidates))]
        disc = np.zeros_like(mask)
        cv2.circle(disc, (int(x), int(y)), int(radius_px), 1, -1)
        part = ((depth > 1.5) & (disc > 0)).astype(np.uint8)
        part = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        names = cv2.connectedComponents(part)[1]
        contours, _ = cv2.findContours(
            (names == names[y, x]).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        outline = cv2.approxPolyDP(max(contours, key=cv2.contourArea), 0.8, True)[:, 0]
        if len(outline) >= 3:
            outlines.append(outline.astype(float))
        cv2.circle(mask, (int(x), int(y)), int(2 * radius_px), 0, -1)
    return outlines


def _feature(name: str, outline_px: np.ndarray) -> dict:
    ring = np.round(np.vstack([outline_px, outline_px[:1]]), 2).tolist()
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": name, "color": COLOURS[name]},
        },
    }
