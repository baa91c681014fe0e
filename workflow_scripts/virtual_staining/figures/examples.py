"""One sample's images as the figures show them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.evaluate.patches import fill_outside, outside_color
from virtual_staining.evaluate.subsets import SUBSETS
from virtual_staining.figures.roi import choose_roi
from virtual_staining.figures.settings import Settings
from virtual_staining.files import read_image
from virtual_staining.intensity import ct_to_display, ct_window


@dataclass(frozen=True)
class Example:
    """A sample with what one or more models made of it, masked for display (paper 2.8).

    Parameters
    ----------
    title, sample : str
        Printed name of the subset, and the sample's id.
    ct, slide : ndarray, shape (y, x) and (y, x, 3), uint8
        The real pair.
    stained : dict of str to ndarray, shape (y, x, 3), uint8
        Generated slide by model id.
    reverse : dict of str to ndarray, shape (y, x), uint8
        Generated CT by model id; without the models that make none.
    pixel_um : float
        Pixel size, µm.
    roi : (y, x)
        Corner of the region of interest, pixels.
    roi_px : int
        Its side.
    """

    title: str
    sample: str
    ct: np.ndarray
    slide: np.ndarray
    stained: dict[str, np.ndarray]
    reverse: dict[str, np.ndarray]
    pixel_um: float
    roi: tuple[int, int]
    roi_px: int

    def crop(self, image: np.ndarray | None) -> np.ndarray | None:
        """Cut the region of interest out of one of the images."""
        if image is None:
            return None
        y, x = self.roi
        return image[y : y + self.roi_px, x : x + self.roi_px]


def read_pixel_um(path: Path) -> float:
    """Read the pixel size that :func:`virtual_staining.files.write_image` has stored, µm.

    Raises
    ------
    InputError
        If the file has no resolution in pixels per centimetre.
    """
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        unit, resolution = (tags.get(name) for name in ("ResolutionUnit", "XResolution"))
        if unit is None or resolution is None or int(unit.value) != 3 or not resolution.value[0]:
            raise InputError(f"{path}: has no pixel size (resolution per centimetre)")
        numerator, denominator = resolution.value
    return 1e4 * denominator / numerator


def choose_samples(members: dict[str, list[str]], settings: Settings) -> dict[str, str]:
    """Return the sample to show for each subset that has any: the one configured or the first.

    Parameters
    ----------
    members : dict
        Sample ids by subset.
    settings : Settings

    Raises
    ------
    InputError
        If a configured sample is not in the subset.
    """
    chosen = {}
    for subset, samples in members.items():
        key = f"{subset}_sample"
        named = getattr(settings, key)
        if named is not None and named not in samples:
            raise InputError(
                f"figures: {key}: {named!r} is not among {', '.join(samples) or 'no samples'}"
            )
        if samples:
            chosen[subset] = named or samples[0]
    return chosen


def read_example(
    subset: str,
    sample: str,
    infer_dirs: dict[str, Path],
    normalize_dir: Path,
    mask_dir: Path,
    ct_white: float,
    settings: Settings,
) -> Example:
    """Read a sample's real and generated images and prepare them for display.

    Parameters
    ----------
    subset, sample : str
    infer_dirs : dict of str to Path
        Folder of one fold with ``{sample}/slide.tif`` (and ``ct.tif``), by model id.
    normalize_dir, mask_dir : Path
        Folders with ``{sample}/``.
    ct_white : float
        Grey level of normalized CT that is shown white.
    settings : Settings

    Raises
    ------
    InputError
        If a file is missing or the sizes differ.
    """
    slide = read_image(normalize_dir / sample / "slide.tif")
    mask = read_image(mask_dir / sample / "mask.tif") > 0
    window = ct_window(ct_white)
    ct = ct_to_display(read_image(normalize_dir / sample / "ct.tif"), window)
    stained, reverse = {}, {}
    for model, folder in infer_dirs.items():
        stained[model] = read_image(folder / sample / "slide.tif")
        if (folder / sample / "ct.tif").exists():  # Pix2Pix makes none
            reverse[model] = ct_to_display(read_image(folder / sample / "ct.tif"), window)
    for image in (slide, ct, *stained.values(), *reverse.values()):
        if image.shape[:2] != mask.shape:
            raise InputError(
                f"{mask_dir / sample / 'mask.tif'}: its size {mask.shape} is not that of an "
                f"image of the sample, {image.shape[:2]}"
            )
    slide_color, ct_color = outside_color(slide, mask), outside_color(ct, mask)
    roi_px = min(settings.roi_px, *mask.shape)
    return Example(
        title=SUBSETS[subset],
        sample=sample,
        ct=fill_outside(ct, mask, ct_color),
        slide=fill_outside(slide, mask, slide_color),
        stained={m: fill_outside(image, mask, slide_color) for m, image in stained.items()},
        reverse={m: fill_outside(image, mask, ct_color) for m, image in reverse.items()},
        pixel_um=read_pixel_um(normalize_dir / sample / "slide.tif"),
        roi=choose_roi(slide, mask, roi_px),
        roi_px=roi_px,
    )
