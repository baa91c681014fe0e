"""Pairs of synthetic samples brought onto one grid by their true transform."""

from dataclasses import dataclass

import cv2
import numpy as np
import shapely

from virtual_staining.cohort.annotate import annotate
from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.sample_list import sample_specs
from virtual_staining.cohort.scan import draw_scan
from virtual_staining.cohort.section_plane import cut_section
from virtual_staining.cohort.specimen.attenuation import attenuation_table
from virtual_staining.cohort.specimen.phantom import attenuation, make_phantom
from virtual_staining.cohort.synthetic_slide import DEPTHS, Layers, render_slide
from virtual_staining.cohort.tomogram import BLUR_VOXELS, ct_slices, to_grey
from virtual_staining.imaging.ct_plane import ct_plane
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.polygons import rasterize, slide_px_to_pair_px
from virtual_staining.ingest.grey_map import fixed_grey_map, measured_grey_map
from virtual_staining.register.result.pair_grid import common_grid, compose, valid_mask
from virtual_staining.register.result.pair_images import resample_slide
from virtual_staining.settings.cohort import CohortSettings

VOXEL_UM, SLIDE_UM, THICKNESS_UM = 30.0, 10.0, 40.0
DRAWINGS = 4  # at so coarse a pixel one drawing holds too few for a 1st percentile


@dataclass(frozen=True)
class CohortPair:
    """A registered pair, the regions drawn on its slide, and the labels of both its images."""

    voxel_um: float
    ct: np.ndarray
    slide: np.ndarray
    valid: np.ndarray
    drawn: dict[str, np.ndarray]
    ct_labels: np.ndarray
    slide_labels: np.ndarray


def cohort_pairs(stains: dict, seed: int, voxel_um: float = VOXEL_UM) -> dict[str, CohortPair]:
    """Make every sample of a small cohort (``{stain: {material: count}}``) and pair it.

    Below ``VOXEL_UM`` the slide shows a partial field and the CT is the section's plane of a scan
    without artefacts: a whole scan of such voxels would take minutes.
    """
    counts = {stain: {"crossval": materials} for stain, materials in stains.items()}
    settings = CohortSettings(
        stains=counts,
        voxel_size_um=voxel_um,
        slide_pixel_um=min(SLIDE_UM, voxel_um / 2),
        partial_fraction=float(voxel_um < VOXEL_UM),
    )
    return {spec.sample: _pair(spec, settings) for spec in sample_specs(settings, seed)}


def _pair(spec, settings):
    voxel_um, slide_um = settings.voxel_size_um, settings.slide_pixel_um
    edge_um = settings.block_px * voxel_um
    phantom = make_phantom(spec.material, edge_um, spec.seed)
    section = cut_section(phantom, spec, settings)
    staining = draw_staining(spec.stain, spec.material, spec.seed)
    scan = draw_scan(phantom, spec.ct_dtype, edge_um, settings.energy_kev, spec.seed)
    to_volume, size_um = section.slide_to_volume, section.size_um
    slide = render_slide(
        phantom,
        to_volume,
        section.deformation,
        size_um,
        slide_um,
        THICKNESS_UM,
        settings.soft_shift_um,
        staining,
        spec.seed,
    )
    frame = SectionMap(to_volume.origin_um, section.u, section.v)
    grid = common_grid(frame, to_volume, size_um, (edge_um,) * 3, voxel_um)
    to_slide = compose(grid.to_volume, to_volume)
    layers = Layers(phantom, grid.to_volume, grid.shape, voxel_um, THICKNESS_UM)
    if spec.partial:
        ct = _scanned_plane(phantom, scan, layers)
    else:
        raw = np.stack(list(ct_slices(phantom, scan, settings.block_px, voxel_um)))
        ct = ct_plane(_ingested(raw), voxel_um, grid.to_volume, grid.shape, voxel_um, THICKNESS_UM)
    regions = [
        feature
        for again in range(DRAWINGS)
        for feature in annotate(slide.labels, slide.pieces, slide_um, (*spec.seed, again))[
            "features"
        ]
    ]
    to_pair_px = slide_px_to_pair_px(slide_um * np.eye(2, 3), to_slide, voxel_um)
    return CohortPair(
        voxel_um=voxel_um,
        ct=ct,
        slide=resample_slide(slide.rgb, slide_um, to_slide, grid, staining.background),
        valid=valid_mask(grid, to_slide, size_um, (edge_um,) * 3),
        drawn=_drawn(regions, to_pair_px, grid.shape),
        ct_labels=layers.labels(range(grid.shape[0])),
        slide_labels=_nearest(slide.labels, slide_um, to_slide, grid),
    )


def _scanned_plane(phantom, scan, layers):
    """The section's plane in a scan that has noise alone, as ingest stores it."""
    table = attenuation_table(phantom.implant, scan.energy_kev)
    total = np.zeros(layers.shape, np.float32)
    for depth in range(len(DEPTHS)):
        inside, found = layers.tissue(range(layers.shape[0]), depth)
        total.ravel()[inside] += attenuation(table, found) / len(DEPTHS)
    total = cv2.GaussianBlur(total, (0, 0), BLUR_VOXELS)
    noise = np.random.default_rng(0).standard_normal(total.shape, np.float32)
    return _ingested(to_grey(scan, total + scan.noise * noise)[None])[0]


def _ingested(raw):
    """A volume as ingest stores it, uint16."""
    measure = (raw.shape, (0.01, 99.99), "volume")
    return (
        fixed_grey_map(raw.dtype) or measured_grey_map([(raw, np.ones_like(raw))], *measure)
    ).apply(raw)


def _nearest(labels, slide_um, to_slide, grid):
    """The slide's labels at the grid's pixel centres."""
    x, y = (grid.centers_um() @ to_slide[:, :2].T + to_slide[:, 2]).T // slide_um
    height, width = labels.shape
    rows, columns = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    return labels[rows.astype(int), columns.astype(int)].reshape(grid.shape)


def _drawn(regions, to_pair_px, shape):
    areas = {}
    for feature in regions:
        name = feature["properties"]["classification"]["name"]
        area = shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
        areas.setdefault(name, []).append(area)
    return {name: rasterize(polygons, to_pair_px, shape) for name, polygons in areas.items()}
