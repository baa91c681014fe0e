"""Raw slides in every container, and files that are none, written by the tests."""

import imagecodecs
import numpy as np
import tifffile
from nd2_file import write_nd2
from PIL import Image
from pylibCZIrw import czi

SHAPE = (60, 80, 3)


def write_tiff(path, image, **options):
    tifffile.imwrite(path, image, **({"photometric": "rgb"} | options))
    return path


def write_pyramid(path, image):
    with tifffile.TiffWriter(path, ome=True) as tif:
        tile = {"tile": (32, 32), "photometric": "rgb", "compression": "zlib"}
        tif.write(image, subifds=1, metadata={"axes": "YXS"}, **tile)
        tif.write(image[::2, ::2], subfiletype=1, **tile)
    return path


def write_bytes(path, data):
    path.write_bytes(data)
    return path


def write_czi(path, image, pixel_um=0.5):
    with czi.create_czi(str(path)) as file:
        if image.ndim == 3:  # off the origin, blue first, as a camera writes
            file.write(np.ascontiguousarray(image[..., ::-1]), location=(-5, 7))
        else:
            for channel in range(2):
                file.write(image[..., None], plane={"C": channel})
        file.write_metadata("s", scale_x=pixel_um * 1e-6, scale_y=pixel_um * 1e-6)
    return path


def write_tiles(path, tiles):
    """Write tiles, (image with blue first, further arguments of pylibCZIrw's writer), as CZI."""
    with czi.create_czi(str(path)) as file:
        for image, place in tiles:
            file.write(image, **place)
        file.write_metadata("s", scale_x=0.5e-6, scale_y=0.5e-6)
    return path


def as_stored(image, orientation):
    """An upright image as a file with that orientation tag holds it."""
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image.swapaxes(0, 1) if orientation > 4 else image)


def write_oriented(path, image, orientation):
    stored = as_stored(image, orientation)
    if path.suffix == ".tif":
        return write_tiff(path, stored, extratags=[(274, "H", 1, orientation, True)])
    exif = Image.Exif()
    exif[274] = orientation
    quality = {"quality": 100, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(stored).save(path, exif=exif, **quality)
    return path


CONTAINERS = {
    "CZI": lambda d, v: write_czi(d / "s.czi", v),
    "CZI, 16 bits": lambda d, v: write_czi(d / "s.czi", v.astype(np.uint16) * 257),
    "ND2": lambda d, v: write_nd2(d / "s.nd2", v[..., ::-1], 1, 0.5),
    "ND2, 12 of 16 bits": lambda d, v: write_nd2(
        d / "s.nd2", v[..., ::-1].astype(np.uint16) * 16, 1, 0.5
    ),
    "SVS that is a plain TIFF": lambda d, v: write_tiff(d / "s.svs", v),
    "TIFF": lambda d, v: write_tiff(d / "s.tif", v),
    "TIFF, planar": lambda d, v: write_tiff(
        d / "s.tif", np.moveaxis(v, -1, 0), planarconfig="separate"
    ),
    "TIFF, LZW": lambda d, v: write_tiff(d / "s.tif", v, compression="lzw"),
    "BigTIFF, tiled": lambda d, v: write_tiff(d / "s.tif", v, bigtiff=True, tile=(32, 32)),
    "OME-TIFF, pyramidal": lambda d, v: write_pyramid(d / "s.ome.tif", v),
    "PNG": lambda d, v: write_bytes(d / "s.png", imagecodecs.png_encode(v)),
    "PNG, 16 bits": lambda d, v: write_bytes(
        d / "s.png", imagecodecs.png_encode(v.astype(np.uint16) * 257)
    ),
    "TIFF, 12 of 16 bits": lambda d, v: write_tiff(d / "s.tif", v.astype(np.uint16) * 16),
}


BAD = {
    "missing": (None, "no such file"),
    "grey": (np.zeros((9, 9), np.uint8), "not one RGB image"),
    "fluorescence": (np.zeros((3, 30, 40), np.uint16), "not one RGB image"),
    "float": (np.zeros((9, 9, 3), np.float32), "holds float32 colours"),
    "constant": (np.full((9, 9, 3), 7, np.uint8), "every pixel is"),
    "orientation tag of 9": (np.zeros((9, 9, 3), np.uint8), "orientation tag is 9, not 1 to 8"),
}
