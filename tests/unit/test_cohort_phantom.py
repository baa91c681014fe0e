"""The phantom: one truth for volume and section."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from virtual_staining.cohort.deformation import surface_points
from virtual_staining.cohort.scan import draw_scan
from virtual_staining.cohort.specimen.attenuation import attenuation_table
from virtual_staining.cohort.specimen.fields import GridFields, PlaneFields, make_lattices, scatter
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.cohort.specimen.phantom import attenuation, make_phantom
from virtual_staining.cohort.specimen.screw import screw_distance
from virtual_staining.cohort.synthetic_slide import DEPTHS, Layers
from virtual_staining.cohort.tomogram import CleanSlices, ct_slices
from virtual_staining.imaging.geometry import SectionMap

SEED = (1, 7)
MIDDLE = DEPTHS.index(0.0)
BLOCK_UM = 6000.0
ENERGIES_KEV = (25.0, 45.0)
ENERGY_KEV = 35.0


def axial_plane(phantom):
    """A plane through the screw's axis, 6 mm wide."""
    u, v = phantom.rotation[0], -phantom.rotation[2]
    return SectionMap(phantom.center_um - 3000 * u - 3000 * v, u, v)


def table_of(phantom):
    return attenuation_table(phantom.implant, ENERGY_KEV)


def mean_attenuation(material):
    phantom = make_phantom(material, BLOCK_UM, SEED)
    layers = Layers(phantom, axial_plane(phantom), (200, 200), 30, 1)
    _, found = layers.tissue(range(200), MIDDLE)
    value = attenuation(table_of(phantom), found)
    return {label: value[found.label == label].mean() for label in np.unique(found.label)}


def test_attenuation_order_of_the_materials():
    means = {m: mean_attenuation(m) for m in ("Mg", "Ti", "PEEK")}
    bone = means["Mg"][Label.CORTICAL]
    implant = {m: v[Label.IMPLANT] for m, v in means.items()}
    assert 0.1 * bone < implant["PEEK"] < 0.3 * bone
    assert 1.05 * bone < implant["Mg"] < 1.9 * bone
    assert implant["Ti"] > 7 * bone
    mg = means["Mg"]
    assert 10 * mg[Label.SOFT] < mg[Label.WOVEN] < 0.85 * bone
    assert mg[Label.SOFT] < 0.5 * implant["PEEK"]
    assert mg[Label.WOVEN] < mg[Label.DEGRADATION] < mg[Label.IMPLANT]


def test_magnesium_samples_hold_either_alloy_of_the_paper():
    alloys = {make_phantom("Mg", BLOCK_UM, (1, k)).implant for k in range(8)}
    assert alloys == {"Mg-5Gd", "Mg-10Gd"}


def test_lacunae_are_holes_in_bone():
    phantom = make_phantom("Mg", BLOCK_UM, SEED)
    plane = axial_plane(phantom)
    corner = SectionMap(plane.to_volume(np.array([[4200.0, 2000.0]]))[0], plane.u, plane.v)
    _, found = Layers(phantom, corner, (200, 200), 3, 1).tissue(range(200), MIDDLE)
    value = attenuation(table_of(phantom), found)
    lacuna, bone = found.label == Label.LACUNA, found.label == Label.CORTICAL
    assert 0.005 < lacuna.sum() / bone.sum() < 0.08
    assert value[lacuna].mean() < 0.6 * value[bone].mean()


def test_only_magnesium_degrades_and_every_tissue_is_there():
    tissues = {*("SOFT", "MARROW", "CORTICAL", "TRABECULAR", "WOVEN", "VESSEL", "IMPLANT")}
    for material in ("Mg", "Ti", "PEEK"):
        phantom = make_phantom(material, BLOCK_UM, SEED)
        layers = Layers(phantom, axial_plane(phantom), (200, 200), 30, 40)
        names = {Label(i).name for i in np.unique(layers.labels(range(200)))}
        assert tissues <= names
        assert ("DEGRADATION" in names) == (material == "Mg")
        assert "TUBE" not in names


def test_screw_has_its_real_size():
    z = np.linspace(-2500, 2500, 1001, dtype=np.float32)
    axis = np.stack([0 * z, 0 * z, z])
    inside = z[screw_distance(axis) < 0]
    assert inside.min() == pytest.approx(-2000, abs=10)
    assert inside.max() == pytest.approx(1650, abs=10)  # the slot's floor
    height = np.linspace(-1200, 800, 2001, dtype=np.float32)
    radius = np.arange(600, 1200, 5, dtype=np.float32)
    r, h = np.meshgrid(radius, height)
    flank = screw_distance(np.stack([r.ravel(), 0 * r.ravel(), h.ravel()])).reshape(r.shape) < 0
    outline = radius[flank.sum(1) - 1]
    assert outline.min() == pytest.approx(755, abs=6)
    assert outline.max() == pytest.approx(1000, abs=6)
    spectrum = np.abs(np.fft.rfft(outline[:2000] - outline[:2000].mean()))
    assert 2000 / spectrum.argmax() == pytest.approx(400)  # pitch: an M2 thread


def test_grid_and_plane_see_the_same_fields():
    lattices = make_lattices(SEED)
    x_um, y_um = np.arange(1000, 1800, 37.0), np.arange(2000, 2500, 41.0)
    grid = GridFields(lattices, y_um, x_um).at(3210.0)
    flat = SectionMap(np.array([900.0, 1900.0, 3210.0]), np.eye(3)[0], np.eye(3)[1])
    points_of = partial(surface_points, flat, None)
    plane = PlaneFields(lattices, points_of, (1000.0, 700.0), x_um - 900).at(y_um - 1900)
    for name, values in grid.items():
        assert np.abs(values - plane[name]).max() < 0.05 * values.std(), name


def test_field_variance_is_about_one():
    z_um = np.arange(0, 9000, 450.0)
    for name in ("fine", "trabecula"):
        fields = GridFields({name: make_lattices(SEED)[name]}, z_um, z_um)
        values = np.stack([fields.at(z)[name] for z in z_um])
        assert values.std() == pytest.approx(1, abs=0.15)
        assert abs(values.mean()) < 0.1


def test_scattered_points_are_fixed_in_space():
    rng = np.random.default_rng(0)
    points = rng.uniform(-500, 500, (3, 4000)).astype(np.float32)
    offset, draw = scatter(points, 40.0, 9)
    again, same = scatter(points + offset * 0, 40.0, 9)
    assert np.array_equal(offset, again) and np.array_equal(draw, same)
    assert np.abs(offset).max() <= 30.01  # one point per cell, in its inner half
    other, _ = scatter(points, 40.0, 10)
    assert np.abs(offset - other).max() > 1
    assert 0.45 < draw.mean() < 0.55


def test_ct_does_not_depend_on_where_the_slab_begins():
    phantom = make_phantom("Mg", BLOCK_UM, SEED)
    scan = draw_scan(phantom, "uint16", BLOCK_UM, ENERGIES_KEV, SEED)
    whole = np.stack(list(ct_slices(phantom, scan, 60, 100.0, range(28, 38))))
    part = np.stack(list(ct_slices(phantom, scan, 60, 100.0, range(31, 36))))
    assert np.array_equal(whole[3:8], part)
    assert whole.std() > 1000


@pytest.mark.parametrize("material", ["Mg", "PEEK"])
def test_volume_and_section_are_cut_from_the_same_block(material):
    phantom = make_phantom(material, BLOCK_UM, SEED)
    voxel_um = 75.0
    clean = CleanSlices(phantom, ENERGY_KEV, 80, voxel_um)
    volume = np.stack([clean.at(z) for z in range(80)])
    plane = axial_plane(phantom)
    layers = Layers(phantom, plane, (80, 80), voxel_um, 1)
    inside, found = layers.tissue(range(80), MIDDLE)
    section = np.zeros(80 * 80)
    section[inside] = attenuation(table_of(phantom), found)
    y, x = np.divmod(np.arange(80 * 80), 80)
    points = plane.to_volume((np.stack([x, y], 1) + 0.5) * voxel_um)
    index = points[:, ::-1].T / voxel_um - 0.5
    near = ndimage.map_coordinates(volume, index, order=1)
    core = np.hypot(*(points - phantom.center_um)[:, :2].T) < 2000
    assert np.corrcoef(section[core], near[core])[0, 1] > 0.85
    shifted = ndimage.map_coordinates(volume, index + 4, order=1)
    worse = np.corrcoef(section[core], shifted[core])[0, 1]
    assert worse < np.corrcoef(section[core], near[core])[0, 1] - 0.1


def test_tube_wall_is_seen_and_hardening_darkens_metal():
    phantom = make_phantom("Ti", BLOCK_UM, SEED)
    scan = draw_scan(phantom, "float32", BLOCK_UM, ENERGIES_KEV, SEED)
    ct = (next(ct_slices(phantom, scan, 60, 100.0, range(30, 31))) - scan.background) / (
        scan.bone - scan.background
    )
    clean = CleanSlices(phantom, scan.energy_kev, 60, 100.0).at(30)
    centres = (np.arange(60) + 0.5) * 100.0
    cx, cy = phantom.tube_center_um
    radius = np.hypot(centres[None] - cx, centres[:, None] - cy) - phantom.tube_radius_um
    wall = (radius > 120) & (radius < 230)
    tube = table_of(phantom)[Label.TUBE]
    assert wall.any() and ct[wall].mean() == pytest.approx(tube, abs=0.08)
    metal = ndimage.binary_erosion(clean > 3, iterations=2)
    assert ct[metal].mean() < 0.97 * clean[metal].mean()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_titanium_fits_the_grey_levels_and_lost_contrast_is_said(dtype, caplog):
    phantom = make_phantom("Ti", BLOCK_UM, SEED)
    scan = draw_scan(phantom, dtype, BLOCK_UM, ENERGIES_KEV, SEED)
    assert scan.energy_kev >= 35
    raw = next(ct_slices(phantom, scan, 60, 100.0, range(30, 31)))
    clean = CleanSlices(phantom, scan.energy_kev, 60, 100.0).at(30)
    assert (clean > 3).any() and (raw[clean > 3] == np.iinfo(dtype).max).mean() < 0.01
    assert ("soft tissue" in caplog.text) == (dtype == "uint8") == (scan.soft_levels < 2)
