"""Pairs of synthetic samples brought onto one grid by their true transform."""

from dataclasses import dataclass

import numpy as np
import shapely

from virtual_staining.cohort.annotate import annotate
from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.sample_list import sample_specs
from virtual_staining.cohort.section_plane import cut_section
from virtual_staining.cohort.specimen.phantom import make_phantom
from virtual_staining.cohort.synthetic_slide import Layers, render_slide
from virtual_staining.cohort.tomogram import ct_slices, draw_scan
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.polygons import rasterize, slide_px_to_pair_px
from virtual_staining.ingest.grey_map import fixed_grey_map, measured_grey_map
from virtual_staining.register.result.pair_grid import common_grid, compose, valid_mask
from virtual_staining.register.result.pair_images import resample_ct, resample_slide
from virtual_staining.settings.cohort import CohortSettings

VOXEL_UM, SLIDE_UM, THICKNESS_UM = 30.0, 10.0, 40.0
DRAWINGS = 4  # at so coarse a pixel one drawing holds too few for a 1st percentile


@dataclass(frozen=True)
class CohortPair:
    """A registered pair, the regions drawn on its slide, and the labels of both its images."""

    ct: np.ndarray
    slide: np.ndarray
    valid: np.ndarray
    drawn: dict[str, np.ndarray]
    ct_labels: np.ndarray
    slide_labels: np.ndarray


def cohort_pairs(stains: dict, seed: int) -> dict[str, CohortPair]:
    """Make every sample of a small cohort (``{stain: {material: count}}``) and pair it."""
    counts = {stain: {"crossval": materials} for stain, materials in stains.items()}
    settings = CohortSettings(
        stains=counts, voxel_size_um=VOXEL_UM, slide_pixel_um=SLIDE_UM, partial_fraction=0
    )
    return {spec.sample: _pair(spec, settings) for spec in sample_specs(settings, seed)}


def _pair(spec, settings):
    edge_um = settings.block_px * VOXEL_UM
    phantom = make_phantom(spec.material, edge_um, spec.seed)
    section = cut_section(phantom, spec, settings)
    staining = draw_staining(spec.stain, spec.material, spec.seed)
    to_volume, size_um = section.slide_to_volume, section.size_um
    slide = render_slide(
        phantom, to_volume, size_um, SLIDE_UM, THICKNESS_UM, settings.soft_shift_um, staining,
        spec.seed,
    )  # fmt: skip
    frame = SectionMap(to_volume.origin_um, section.u, section.v)
    grid = common_grid(frame, to_volume, size_um, (edge_um,) * 3, VOXEL_UM)
    to_slide = compose(grid.to_volume, to_volume)
    ct = resample_ct(_volume(spec, phantom, settings), VOXEL_UM, grid, THICKNESS_UM)
    regions = [
        feature
        for again in range(DRAWINGS)
        for feature in annotate(slide.labels, slide.pieces, SLIDE_UM, (*spec.seed, again))[
            "features"
        ]
    ]
    to_pair_px = slide_px_to_pair_px(SLIDE_UM * np.eye(2, 3), to_slide, VOXEL_UM)
    return CohortPair(
        ct=ct,
        slide=resample_slide(slide.rgb, SLIDE_UM, to_slide, grid, staining.background),
        valid=valid_mask(grid, to_slide, size_um, (edge_um,) * 3),
        drawn=_drawn(regions, to_pair_px, grid.shape),
        ct_labels=Layers(phantom, grid.to_volume, grid.shape, VOXEL_UM, THICKNESS_UM).labels(
            range(grid.shape[0])
        ),
        slide_labels=_nearest(slide.labels, to_slide, grid),
    )


def _volume(spec, phantom, settings):
    """The scan as ingest stores it, uint16."""
    scan = draw_scan(spec.material, spec.ct_dtype, settings.block_px * VOXEL_UM, spec.seed)
    raw = np.stack(list(ct_slices(phantom, scan, settings.block_px, VOXEL_UM)))
    measure = (raw.shape, (0.01, 99.99), spec.sample)
    return (fixed_grey_map(raw.dtype) or measured_grey_map([raw], *measure)).apply(raw)


def _nearest(labels, to_slide, grid):
    """The slide's labels at the grid's pixel centres."""
    x, y = (grid.centers_um() @ to_slide[:, :2].T + to_slide[:, 2]).T // SLIDE_UM
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
