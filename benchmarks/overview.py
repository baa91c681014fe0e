"""The picture at the top of README.md: one test sample of a finished study, and its volume.

    python benchmarks/overview.py [--results results/demo] [--sample Mg-06] [--out FILE]

The first row shows CT, the slides that the models of fold 1 made of it, and the real slide, inside
the correspondence mask. The second row shows three cuts through the stained volume.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.figures.style import RC, panel
from virtual_staining.imaging.image_pair import fill_outside
from virtual_staining.imaging.intensity import ct_to_display, ct_window
from virtual_staining.imaging.pictures import draw_scale_bar
from virtual_staining.models.catalogue import model_name

WHITE = np.full(3, 255, np.uint8)
CT_WHITE = 50000
WIDTH_IN = 9.0


def slides(results: Results, stain: str, sample: str, models: list[str]) -> dict[str, np.ndarray]:
    """Return the panels of the first row by title, cut to the mask, each (y, x, 3) uint8."""
    pair = read_training_pair(results, sample)
    grey = ct_to_display(pair.ct, ct_window(CT_WHITE))
    images = {"X-ray CT": np.repeat(grey[..., None], 3, axis=-1)}
    for model in models:
        path = results.stained(stain, model, 1).sample(sample).slide
        images[f"virtual: {model_name(model)}"] = read_stained_image(path, pair.mask.shape)
    images["real section"] = pair.slide
    rows, columns = (np.flatnonzero(pair.mask.any(axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return {title: fill_outside(image, pair.mask, WHITE)[box] for title, image in images.items()}


def cuts(results: Results, stain: str, model: str, volume: str) -> tuple[dict, float]:
    """Return the panels of the second row by title, and the voxel size, µm."""
    level = open_volume_pyramid(results.stained_volume(stain, model, volume).zarr)[0]
    _, z, y, x = level.array.shape
    planes = {
        "stained volume, XY": level.array[:3, z // 2],
        "stained volume, YZ": level.array[:3, :, :, x // 2],
        "stained volume, XZ": level.array[:3, :, y // 2],
    }
    images = {title: np.moveaxis(np.asarray(image), 0, -1) for title, image in planes.items()}
    return images, level.voxel_size_um


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Results, default=Results("results/demo"))
    parser.add_argument("--stain", default="toluidine_blue")
    parser.add_argument("--sample", default="Mg-06")
    parser.add_argument("--models", nargs="+", default=["pix2pix", "paired_cyclegan"])
    parser.add_argument("--out", type=Path, default=Path("docs/overview.jpg"))
    args = parser.parse_args()
    top = slides(args.results, args.stain, args.sample, args.models)
    below, voxel_size_um = cuts(args.results, args.stain, args.models[0], args.sample)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(WIDTH_IN, 0.62 * WIDTH_IN), layout="constrained")
        rows = figure.subfigures(2, 1, height_ratios=(1, 1.25))
        for row, images in zip(rows, (top, below), strict=True):
            for axes, (title, image) in zip(
                row.subplots(1, len(images)), images.items(), strict=True
            ):
                panel(axes, image, title)
                height, width = image.shape[:2]
                draw_scale_bar(axes, width, height, voxel_size_um)
        with replacing(args.out) as path:
            figure.savefig(path, dpi=150, pil_kwargs={"quality": 88})


if __name__ == "__main__":
    main()
