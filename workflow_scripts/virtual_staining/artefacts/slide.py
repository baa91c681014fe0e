"""What `ingest slide` leaves: pyramidal OME-TIFF in RGB uint8, with the sizes of the raw slide."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.ome import ome_metadata
from virtual_staining.errors import InputError
from virtual_staining.imaging.halving import halve
from virtual_staining.readers.orientation import UPRIGHT, to_upright

TILE_PX = 256
NAMESPACE = "virtual-staining/source"


@dataclass(frozen=True)
class SlideLevel:
    """One resolution of a slide.

    Parameters
    ----------
    path : Path
    index : int
        Level number, 0 = finest.
    shape : tuple of int
        (y, x, 3).
    pixel_size_um : float
        Edge of its square pixels, µm.
    """

    path: Path
    index: int
    shape: tuple[int, ...]
    pixel_size_um: float

    @property
    def size_um(self) -> tuple[float, float]:
        """Width and height of the slide, µm."""
        height, width = self.shape[:2]
        return width * self.pixel_size_um, height * self.pixel_size_um

    def read(self) -> np.ndarray:
        """Return the whole level, uint8 (y, x, 3)."""
        return tifffile.imread(self.path, level=self.index)

    def read_measured(self) -> np.ndarray | None:
        """Return which pixels of the level were scanned, bool (y, x); None where all of it was."""
        with tifffile.TiffFile(self.path) as tif:
            if len(tif.series) == 1:
                return None
            measured = tif.series[1].asarray()
        for _ in range(self.index):
            measured = _halved_mask(measured)
        return measured > 0


def open_slide_pyramid(path: str | Path) -> list[SlideLevel]:
    """Open a slide written by :func:`write_slide_pyramid`, finest level first; nothing is loaded.

    Raises
    ------
    InputError
        If the file is missing, unreadable, or not such a slide.
    """
    size = _source(path)["pixel_size_um"]
    with tifffile.TiffFile(path) as tif:
        shapes = [level.shape for level in tif.series[0].levels]
    return [SlideLevel(Path(path), k, s, size * 2**k) for k, s in enumerate(shapes)]


def full_pixel_um(path: str | Path) -> float:
    """Return the pixel size of the original slide, µm."""
    return _source(path)["full_pixel_um"]


def full_shape_px(path: str | Path) -> tuple[int, int]:
    """Return the height and width of the original slide, upright, pixels."""
    source = _source(path)
    return int(source["full_height_px"]), int(source["full_width_px"])


def stored_to_um(path: str | Path) -> np.ndarray:
    """Return the map from pixels of the original file, as they are stored there, to this slide.

    Returns
    -------
    ndarray, shape (2, 3)
        Takes (x, y, 1) in full-resolution pixels, origin at the outer corner of the first stored
        one, to (x, y) in µm on the ingested slide, which is turned upright.
    """
    source = _source(path)
    shape_px = int(source["full_height_px"]), int(source["full_width_px"])
    turn = to_upright(int(source.get("full_orientation", UPRIGHT)), shape_px)
    return source["full_pixel_um"] * turn


def _source(path: str | Path) -> dict[str, float]:
    """Read the annotation that :func:`write_slide_pyramid` stores."""
    try:
        with tifffile.TiffFile(path) as tif:
            root = ElementTree.fromstring(tif.ome_metadata or "<none/>")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such slide; ingest the slide first") from error
    except (OSError, tifffile.TiffFileError, ElementTree.ParseError) as error:
        raise InputError(f"{path}: cannot be read as OME-TIFF ({error})") from error
    for annotation in root.iterfind(".//{*}MapAnnotation"):
        if annotation.get("Namespace") == NAMESPACE:
            return {m.get("K", ""): float(m.text or "") for m in annotation.iterfind(".//{*}M")}
    raise InputError(f"{path}: not an ingested slide; run `ingest slide` on it first")


def write_slide_pyramid(
    path: str | Path,
    image: np.ndarray,
    pixel_size_um: float,
    full_pixel_um: float | None = None,
    full_shape_px: tuple[int, int] | None = None,
    full_orientation: int = UPRIGHT,
    measured: np.ndarray | None = None,
) -> None:
    """Write a slide and its pyramid (halved until it fits one tile), atomically.

    Parameters
    ----------
    path : path
        Ends in ``.ome.tif``.
    image : ndarray
        uint8 (y, x, 3).
    pixel_size_um : float
        Edge of its square pixels, µm.
    full_pixel_um, full_shape_px : optional
        Pixel size and upright (height, width) of the slide as scanned; this image's own by default.
    full_orientation : int
        How the scanned slide was turned to be upright, see
        :mod:`virtual_staining.readers.orientation`.
    measured : ndarray, bool (y, x), optional
        Which pixels were scanned, stored as a second image of the file; by default all.
    """
    height, width = full_shape_px or image.shape[:2]
    source = {
        "Namespace": NAMESPACE,
        "pixel_size_um": repr(float(pixel_size_um)),
        "full_pixel_um": repr(float(full_pixel_um or pixel_size_um)),
        "full_height_px": str(height),
        "full_width_px": str(width),
        "full_orientation": str(full_orientation),
    }
    levels = [image]
    while max(levels[-1].shape[:2]) > TILE_PX:
        levels.append(_halved(levels[-1]))
    metadata = ome_metadata("YXS", {"X": pixel_size_um, "Y": pixel_size_um}, image)
    metadata["MapAnnotation"] = source
    with replacing(path) as temporary:
        with tifffile.TiffWriter(temporary, ome=True, bigtiff=image.nbytes > 2**31) as tif:
            for k, level in enumerate(levels):
                tif.write(
                    level,
                    photometric="rgb",
                    tile=(TILE_PX, TILE_PX),
                    compression="zlib",
                    predictor=True,
                    resolution=(1e4 / (pixel_size_um * 2**k),) * 2,
                    resolutionunit="CENTIMETER",
                    subfiletype=1 if k else None,
                    subifds=None if k else len(levels) - 1,
                    metadata=None if k else metadata,
                )
            if measured is not None:
                mask = measured.astype(np.uint8) * 255
                sizes = {"X": pixel_size_um, "Y": pixel_size_um}
                tif.write(
                    mask,
                    photometric="minisblack",
                    tile=(TILE_PX, TILE_PX),
                    compression="zlib",
                    metadata=ome_metadata("YX", sizes, mask) | {"Name": "measured"},
                )


def _halved(image: np.ndarray) -> np.ndarray:
    """Return the means of 2 x 2 pixels of (y, x, 3); an odd last row or column counts twice."""
    channels = np.moveaxis(image, -1, 0)[:, None]
    return np.ascontiguousarray(np.moveaxis(halve(channels)[:, 0], 0, -1))


def _halved_mask(mask: np.ndarray) -> np.ndarray:
    """Return which 2 x 2 pixels of a mask (y, x) are all set; an odd last row counts alone."""
    padded = np.pad(mask, [(0, n % 2) for n in mask.shape], mode="edge")
    height, width = (n // 2 for n in padded.shape)
    return padded.reshape(height, 2, width, 2).min(axis=(1, 3))
