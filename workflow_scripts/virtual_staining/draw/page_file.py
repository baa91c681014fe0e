"""``volume.html``: the volume, its CT and its real sections in one file with its own WebGL2 viewer.

No library is needed: the viewer has some 500 lines, which lie beside this file in ``page/`` and are
put together here. The volume travels as JPEG mosaics of its slices (a tenth of the bytes), which
the browser decodes and the graphics card unpacks.
"""

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from PIL import Image

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.draw.bodies import body_axis, body_ball
from virtual_staining.draw.volume import DrawnVolume
from virtual_staining.imaging.geometry import PlaneGrid

PARTS = Path(__file__).with_name("page")
# in the order in which they build upon each other
SCRIPTS = ("shaders", "vectors", "state", "graphics", "views", "fine", "controls", "main")
MOSAIC_PX = 4096  # every WebGL2 device takes images of this size
BLOCK_PX = 16  # slices begin on blocks of the JPEG, so that none bleeds into its neighbour
STAIN_QUALITY, CT_QUALITY, SECTION_QUALITY = 85, 75, 85
SECTION_PX = 800  # longest side of a real section in the page


@dataclass(frozen=True)
class DrawnSection:
    """A real section and its place.

    Parameters
    ----------
    name : str
    image : ndarray of uint8, shape (y, x, 3)
        Its picture, on the pixels of ``grid``.
    grid : PlaneGrid
    """

    name: str
    image: np.ndarray
    grid: PlaneGrid


def write_page(
    path: Path, volume: DrawnVolume, sections: list[DrawnSection], title: str, picture: np.ndarray
) -> None:
    """Write the page, atomically.

    Parameters
    ----------
    path : Path
        ``volume.html``.
    volume : DrawnVolume
    sections : list of DrawnSection
        Each gets a button; the page opens with the first.
    title : str
    picture : ndarray of uint8, shape (y, x, 3)
        Shown where the browser has no WebGL2.
    """
    mosaic, images = mosaics(volume)
    images += [
        (f"section{k}", encoded(shrunk(section.image, SECTION_PX), SECTION_QUALITY), "jpeg")
        for k, section in enumerate(sections)
    ]
    middle, radius = body_ball(volume.specimen)
    meta = {
        "shape": list(volume.ct.shape),
        "voxel_um": volume.voxel_um,
        "size_um": list(volume.size_um),
        "mosaic": mosaic,
        "most_doubt": None if volume.doubt is None else volume.most_doubt,
        "ct_window": volume.ct_window,
        "implant": bool(volume.implant.any()),
        "body": {
            "middle_um": (middle * volume.voxel_um).tolist(),
            "radius_um": radius * volume.voxel_um,
        },
        "start": start_plane(volume, sections),
        "sections": [placed(section) for section in sections],
    }
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    script = "\n".join((PARTS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    text = environment.from_string((PARTS / "page.html").read_text(encoding="utf-8")).render(
        title=title,
        style=jinja2.utils.markupsafe.Markup((PARTS / "style.css").read_text(encoding="utf-8")),
        script=jinja2.utils.markupsafe.Markup(script.replace("</script", "<\\/script")),
        meta=jinja2.utils.markupsafe.Markup(json.dumps(meta).replace("<", "\\u003c")),
        picture=base64.b64encode(encoded(shrunk(picture, SECTION_PX), SECTION_QUALITY)).decode(),
        images=[(name, base64.b64encode(data).decode(), kind) for name, data, kind in images],
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def mosaics(volume: DrawnVolume) -> tuple[dict, list[tuple[str, bytes, str]]]:
    """Return how slices lie in the mosaics, and the mosaics as (id, bytes, format)."""
    depth, height, width = volume.ct.shape
    tall, wide = (-(-n // BLOCK_PX) * BLOCK_PX for n in (height, width))
    columns = min(MOSAIC_PX // wide, int(np.ceil(np.sqrt(depth * tall / wide))))
    rows = min(MOSAIC_PX // tall, -(-depth // columns))
    kinds = np.stack(
        [
            volume.specimen * np.uint8(255),
            volume.implant * np.uint8(255),
            np.zeros_like(volume.ct) if volume.doubt is None else volume.doubt,
        ],
        axis=-1,
    )
    images = []
    for page, first in enumerate(range(0, depth, columns * rows)):
        for name, array, quality in (
            ("stain", volume.rgb, STAIN_QUALITY),
            ("ct", volume.ct, CT_QUALITY),
            # masks alone shrink best without loss
            ("kind", kinds, None if volume.doubt is None else STAIN_QUALITY),
        ):
            part = array[first : first + columns * rows]
            data = encoded(mosaic(part, columns, rows, tall, wide), quality)
            images.append((f"{name}{page}", data, "jpeg" if quality else "png"))
    return {"columns": columns, "rows": rows, "width": wide, "height": tall}, images


def mosaic(slices: np.ndarray, columns: int, rows: int, tall: int, wide: int) -> np.ndarray:
    """Lay slices (z, y, x[, 3]) row by row into one image of cells ``tall`` by ``wide`` pixels."""
    image = np.zeros((rows * tall, columns * wide, *slices.shape[3:]), np.uint8)
    pad = [(0, tall - slices.shape[1]), (0, wide - slices.shape[2])]
    pad += [(0, 0)] * (slices.ndim - 3)
    for k, plane in enumerate(slices):
        y, x = divmod(k, columns)
        cell = image[y * tall : (y + 1) * tall, x * wide : (x + 1) * wide]
        cell[...] = np.pad(plane, pad, mode="edge")
    return image


def encoded(image: np.ndarray, quality: int | None) -> bytes:
    """Return an image as JPEG with full colour resolution, or as PNG without a quality."""
    file = io.BytesIO()
    if quality is None:
        Image.fromarray(image).save(file, "PNG", optimize=True)
    else:
        Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def shrunk(image: np.ndarray, longest: int) -> np.ndarray:
    """Return an image no longer than ``longest`` pixels a side."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def placed(section: DrawnSection) -> dict:
    """Return a section's place for the page, µm."""
    grid, place = section.grid, section.grid.to_volume
    size = np.array(grid.shape[::-1]) * grid.pixel_um
    middle = place.to_volume(size[None] / 2)[0]
    vectors = {"origin": place.origin_um, "u": place.u, "v": place.v, "middle": middle}
    return {
        "name": section.name,
        "size_um": size.tolist(),
        **{key: np.asarray(vector).tolist() for key, vector in vectors.items()},
    }


def start_plane(volume: DrawnVolume, sections: list[DrawnSection]) -> dict:
    """Return the plane that the page opens with: the first section's, or along the implant."""
    if sections:
        place = placed(sections[0])
        return {key: place[key] for key in ("middle", "u", "v")}
    middle, axis = body_axis(volume.implant if volume.implant.any() else volume.specimen)
    side = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    return {
        "middle": (middle * volume.voxel_um).tolist(),
        "u": (side / np.linalg.norm(side)).tolist(),
        "v": axis.tolist(),
    }
