"""Stained volumes of a synthetic cohort against the truth, voxel by voxel.

    python benchmarks/volume_truth.py --results results/demo [--volumes FOLDER ...] [--cuts 8]

Every volume under 10_stain, or every folder named, is compared with flawless sections of its sample
in planes across all three axes, stained and normalized like the sample's slide. Voxels outside the
outline of the specimen are left out, and air is, but for the columns that name it. The columns:

delta_e            median colour difference (CIEDE2000)
class              share of voxels whose colour is nearest to the true colour of their own tissue:
                   implant, debris, mature bone, new bone, soft tissue. The true colours reach what
                   stands under "truth"
black_not_implant  share of the black voxels that are no implant
black_excess       black_not_implant above that of the truth, some of whose debris is as dark
black_air          share of the air in the outline that is black
white_air          share of the air in the outline that is white, as clear glass is
white_soft         share of soft tissue and marrow that is white
implant_black      share of the implant that is black
stripes_z          mean step along z over mean step across it, in bone at least two voxels deep
ssim_z, _y, _x     structural similarity (luminance) of cuts across an axis to the true cuts

The rows "truth" and "CT" give the same of the true sections and of the CT. With --picture FILE, one
cut across each axis is drawn, the truth first. The last line is JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.io import imsave
from skimage.metrics import structural_similarity

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.pair_stats import read_ct_scaling
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.specimen import searched
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.cohort.true_section import TrueSections
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.normalize.slide_levels import stretch
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.stain.specimen import find_specimen

AXES = "zyx"
BLACK = (
    40  # luminance below which a voxel counts as black, of 255; the implant's true one is 0 to 5
)
WHITE = 255
CLASSES = {
    "implant": (Label.IMPLANT,),
    "debris": (Label.DEGRADATION,),
    "mature bone": (Label.CORTICAL, Label.TRABECULAR),
    "new bone": (Label.WOVEN,),
    "soft tissue": (Label.SOFT, Label.MARROW),
}


def luminance(rgb):
    return rgb[..., :3].astype(float) @ (0.299, 0.587, 0.114)


def plane_of(axis, index, voxel_um):
    """Return the map of a plane across an axis; its rows and columns keep the volume's order."""
    unit = dict(zip("xyz", np.eye(3), strict=True))
    down, right = (unit[name] for name in AXES if name != axis)
    return SectionMap((index + 0.5) * voxel_um * unit[axis], right, down)


def true_cuts(results, volume, cuts):
    """Return {(axis, index): (RGB, labels)} of the truth, normalized like the volume's slide."""
    level = open_volume_pyramid(results.volume(volume))[0]
    truth = read_json(results.raw_sample(volume) / "truth.json")
    about = read_json(results.normalized(volume).stats)["slide"]
    sections = TrueSections(truth, level.array.shape[0] * level.voxel_size_um)
    found = {}
    for number, axis in enumerate(AXES):
        shape = tuple(n for k, n in enumerate(level.array.shape) if k != number)
        n = level.array.shape[number]
        for index in np.linspace(0, n, cuts + 2).astype(int)[1:-1]:
            place = plane_of(axis, index, level.voxel_size_um)
            rgb, labels = sections.cut(place, shape, level.voxel_size_um)
            gains = np.array(about["gains"])
            found[axis, index] = stretch(rgb, gains, about["f_min"], about["f_max"]), labels
    return found


def cut(array, axis, index):
    """Cut a plane out of a volume, (…, h, w) with channels last."""
    place = tuple(index if name == axis else slice(None) for name in AXES)
    return np.moveaxis(np.asarray(array[(..., *place)]), 0, -1)


def class_colours(cuts):
    """Return the mean true colour of each class in CIELAB; none is near that of an absent one."""
    lab = np.concatenate([rgb2lab(rgb).reshape(-1, 3) for rgb, _ in cuts.values()])
    labels = np.concatenate([labels.ravel() for _, labels in cuts.values()])
    of_class = [lab[np.isin(labels, members)] for members in CLASSES.values()]
    return [colours.mean(0) if len(colours) else np.full(3, np.inf) for colours in of_class]


def stripe_sums(image, deep):
    """Return sums of |step along rows|, |step along columns| and numbers of steps in a region."""
    along = np.abs(np.diff(image, axis=0))[deep[1:] & deep[:-1]]
    across = np.abs(np.diff(image, axis=1))[deep[:, 1:] & deep[:, :-1]]
    return np.array([along.sum(), len(along), across.sum(), len(across)])


def score(truth, colours, image_of, inside_of):
    """Compare images of planes with the truth; ``image_of`` maps (axis, index) to RGB."""
    errors, right, known, black, implant = [], 0, 0, [], []
    air, soft = [], []
    stripes, similar = np.zeros(4), {axis: [] for axis in AXES}
    for (axis, index), (rgb, labels) in truth.items():
        image, outline = image_of(axis, index), inside_of(axis, index)
        empty, inside = outline & (labels == Label.AIR), outline & (labels != Label.AIR)
        air.append(image[empty])
        soft.append(image[inside & np.isin(labels, CLASSES["soft tissue"])])
        if axis != "z":  # rows lie along z
            bone = np.isin(labels, (Label.CORTICAL, Label.TRABECULAR, Label.LACUNA))
            deep = ndimage.binary_erosion(bone & inside, iterations=2)
            stripes += stripe_sums(luminance(image), deep)
        if not inside.any():
            continue
        lab = rgb2lab(image)
        errors.append(deltaE_ciede2000(lab, rgb2lab(rgb))[inside])
        nearest = np.argmin([np.linalg.norm(lab - c, axis=-1) for c in colours], axis=0)
        for number, members in enumerate(CLASSES.values()):
            of_class = inside & np.isin(labels, members)
            right += (nearest[of_class] == number).sum()
            known += of_class.sum()
        black.append((luminance(image) < BLACK)[inside])
        implant.append((labels == Label.IMPLANT)[inside])
        _, values = structural_similarity(
            luminance(image), luminance(rgb), data_range=255, full=True
        )
        similar[axis].append(values[inside].mean())
    black, implant = np.concatenate(black), np.concatenate(implant)
    air, soft = np.concatenate(air), np.concatenate(soft)
    return {
        "delta_e": float(np.median(np.concatenate(errors))),
        "class": float(right / known),
        "black_not_implant": float((black & ~implant).sum() / max(black.sum(), 1)),
        "black_air": float((luminance(air) < BLACK).mean()),
        "white_air": float((air == WHITE).all(-1).mean()),
        "white_soft": float((soft == WHITE).all(-1).mean()),
        "implant_black": float((black & implant).sum() / max(implant.sum(), 1)),
        "stripes_z": float(stripes[0] / stripes[1] * stripes[3] / stripes[2]),
        **{f"ssim_{axis}": float(np.mean(values)) for axis, values in similar.items()},
    }


def picture(truth, images):
    """Set the middle cut across each axis side by side, the truth in the first row."""
    middle = {axis: [key for key in truth if key[0] == axis] for axis in AXES}
    keys = [found[len(found) // 2] for found in middle.values()]
    rows = [[truth[key][0] for key in keys]]
    rows += [[image(*key) for key in keys] for image in images]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


def compare(results, volume, folders, cuts, picture_file=None):
    """Score stained volumes of one sample; return {name: scores}."""
    truth = true_cuts(results, volume, cuts)
    colours = class_colours(truth)
    arrays = {name: open_rgba(folder.zarr)[0].array for name, folder in folders.items()}
    levels = open_volume_pyramid(results.volume(volume))
    scaling = read_ct_scaling(results.normalized(volume).stats)
    copy = searched(levels, scaling, NormalizeSettings())
    inside = find_specimen(levels[0], copy, MaskSettings()).plane

    rows = {"truth": score(truth, colours, lambda *key: truth[key][0], inside)}
    ct = levels[0].array
    about = read_json(results.normalized(volume).stats)["ct"]

    def grey(axis, index):
        values = cut(ct[None] if isinstance(ct, np.ndarray) else Single(ct), axis, index)
        values = (about["scale"] * values + about["offset"]) / 50000 * 255
        return np.repeat(np.clip(values, 0, 255), 3, -1).astype(np.uint8)

    rows["CT"] = score(truth, colours, grey, inside)
    images = [lambda *key, a=array: cut(a, *key)[..., :3] for array in arrays.values()]
    for name, image in zip(arrays, images, strict=True):
        rows[name] = score(truth, colours, image, inside)
    for row in rows.values():
        row["black_excess"] = row["black_not_implant"] - rows["truth"]["black_not_implant"]
    if picture_file:
        imsave(picture_file, picture(truth, images), check_contrast=False)
    return rows


class Single:
    """A volume (z, y, x) as one of a single channel."""

    def __init__(self, array):
        self.array = array

    def __getitem__(self, place):
        return np.asarray(self.array[place[1:]])[None]


def print_rows(volume, rows):
    columns = list(next(iter(rows.values())))
    print(f"{volume:22s} " + " ".join(f"{name:>17s}" for name in columns))
    for name, row in rows.items():
        print(f"{name:22s} " + " ".join(f"{row[column]:17.3f}" for column in columns), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", required=True, type=Results, help="of the finished demo")
    parser.add_argument("--volumes", nargs="*", type=Path, help="folders of stained volumes")
    parser.add_argument("--sample", help="sample that the folders named by --volumes show")
    parser.add_argument("--cuts", type=int, default=8, help="planes across each axis")
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    found = {}
    if args.volumes:
        found[args.sample] = {path.name: StainedVolumeFolder(path) for path in args.volumes}
    else:
        for zarr in sorted(args.results.root.glob("10_stain/*/*/*/rgba.ome.zarr")):
            folder = zarr.parent
            found.setdefault(folder.name, {})[folder.parent.name] = StainedVolumeFolder(folder)
    if not found:
        raise SystemExit(f"{args.results}: no stained volume there")
    report = {}
    for volume, folders in found.items():
        report[volume] = compare(args.results, volume, folders, args.cuts, args.picture)
        print_rows(volume, report[volume])
    print(json.dumps({v: {n: {k: round(x, 3) for k, x in row.items()} for n, row in rows.items()}
                      for v, rows in report.items()}))  # fmt: skip


if __name__ == "__main__":
    main()
