"""A small study with one stained volume, for what draws and shows volumes."""

import json

import numpy as np

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_place import write_pair_grid
from virtual_staining.artefacts.rgba import write_rgba
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.cli import main
from virtual_staining.imaging.geometry import PlaneGrid, pose_to_map

VOXEL_UM, COUNT = 20.0, 64
TISSUE, BONE = (240, 150, 60), (150, 60, 160)  # left and right half of the volume
SECTION = (30, 160, 90)  # a colour that the volume has nowhere
READY = "document.body && document.body.dataset.ready"


def make_study(folder):
    """A cylinder along y, tissue and bone, around a bright screw without thread; one section."""
    results = Results(folder / "results")
    z, _, x = np.indices((COUNT,) * 3) - COUNT / 2 + 0.5
    radius = np.hypot(x, z)
    inside = (radius < 28) & (np.abs(np.indices((COUNT,) * 3)[1] - 32) < 28)
    implant, bone = inside & (radius < 12), inside & (x > -6)
    ct = np.where(implant, 60000, np.where(bone, 30000, np.where(inside, 15000, 10000)))
    rgb = np.full((3, COUNT, COUNT, COUNT), 255, np.uint8)
    for where, colour in ((inside, TISSUE), (bone, BONE), (implant, (5, 5, 5))):
        rgb[:, where] = np.array(colour, np.uint8)[:, None]
    rgba = np.concatenate([rgb, np.rint(255 - rgb.mean(0, keepdims=True)).astype(np.uint8)])
    write_volume_pyramid(results.volume("V"), ct.astype(np.uint16), VOXEL_UM)
    stained = results.stained_volume("tb", "model", "V")
    write_rgba(stained, [rgba], ct.shape, VOXEL_UM, (1.0, 0.0), "z")
    middle = (640.0, 640.0, 640.0)
    pose = pose_to_map(middle, (1.0, 0.0, 0.0), (0.0, 0.96, 0.28), (1000, 1000))
    grid = PlaneGrid((50, 50), 20.0, pose)
    write_pair_grid(results.registered("S-1").transform, grid, {})
    write_image(
        results.normalized("S-1").slide,
        np.broadcast_to(np.array(SECTION, np.uint8), (50, 50, 3)).copy(),
        20.0,
    )
    return results


def draw(results, *sections):
    numbers = {"page_voxels": 64, "picture_px": 200, "turntable_frames": 3}
    arguments = f"draw --results {results} --stain tb --model model --volume V --mask {{}}"
    arguments += " --normalize {} --threads 2 --settings"
    return main([*arguments.split(), json.dumps(numbers), "--sections", *sections])


def near(picture, colour, tolerance=12):
    """Return the share of a picture's pixels near a colour."""
    return float((np.abs(picture.astype(int) - colour).max(-1) <= tolerance).mean())


def of_view(browser, name):
    """Return one view's part of the page."""
    box = browser.run(
        f"(b => [b.left, b.top, b.right, b.bottom])(byId('{name}').getBoundingClientRect())"
    )
    left, top, right, bottom = (round(n) for n in box)
    return browser.picture()[top:bottom, left:right]
