"""Every kind of file that the program writes: on a full disk, and twice with the same bytes.

For a full disk the system itself refuses to write more than some bytes a file.
"""

import argparse
import contextlib
import os
import re
import resource
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from train_cases import tiny

from virtual_staining import cli
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.rgba import rgba_tiff
from virtual_staining.artefacts.slide import write_slide_pyramid
from virtual_staining.artefacts.stained_slide import write_training_patches
from virtual_staining.artefacts.storage.atomic import replacing, write_json
from virtual_staining.artefacts.storage.image import write_image, write_ome_image
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.cohort.raw_files import write_slide, write_volume
from virtual_staining.export.forms import write_nrrd, write_slices
from virtual_staining.figures import style
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.models.build import build_model
from virtual_staining.package.script import script_of
from virtual_staining.predict.single_slice import write_stack
from virtual_staining.register.result.itk_transform import write_tfm
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.slabs import Slab
from virtual_staining.train.history import draw_curves, write_history

ROOM_BYTES = 100
rng = np.random.default_rng(0)
GREY = rng.integers(0, 60000, (40, 50)).astype(np.uint16)
RGB = rng.integers(0, 255, (300, 310, 3)).astype(np.uint8)
VOLUME = rng.integers(0, 60000, (20, 21, 22)).astype(np.uint16)
COLOURS = SimpleNamespace(
    array=rng.integers(0, 255, (4, 6, 7, 8)).astype(np.uint8), voxel_size_um=5
)
HISTORY = [{"epoch": n, "train_gan": 0.123 * n} for n in range(1, 20)]
MAP = SectionMap(np.array([1.0, 2, 3]), np.array([1.0, 0, 0]), np.array([0.0, 1, 0]))


def generator(path):
    model = build_model(tiny("pix2pix"), torch.device("cpu"))
    write_generator(path, model.settings, model.generators.state_dict(), 7, "last")


def figure(path):
    drawn = Figure()
    drawn.add_subplot().imshow(RGB)
    style.save(drawn, path, 50)


def table(path):
    with replacing(path) as temporary:
        pd.DataFrame(HISTORY).to_csv(temporary, index=False)


def colours_tiff(path):
    with rgba_tiff(path, COLOURS.array.shape[1:], 5) as append:
        append(COLOURS.array)


def kept_slab(path):
    rgb, deviation = COLOURS.array[:3], np.ones(COLOURS.array.shape[1:], np.float32)
    KeptSlabs(path, COLOURS.array.shape[1:]).keep(Slab("z", 0, 6), rgb, deviation)


def drawing(write):
    """Return a writer of a picture by one of the functions that take a path of their own."""

    def drawn(path):
        with replacing(path) as temporary:
            write(temporary)

    return drawn


def gif(path):
    frames = [Image.fromarray(RGB).quantize(255) for _ in range(2)]
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:])


def into_folder(write):
    """Return a writer of files in a folder, as those of the cohort and of a package are."""

    def written(path):
        with replacing(path) as temporary:
            temporary.mkdir()
            write(temporary)

    return written


def script(folder):
    script_of(torch.nn.Conv2d(1, 3, 3), np.zeros((1, 1, 8, 8), np.float32), folder / "weights.pt")


def single_slice(folder):
    source = folder.parent / "slice.tif"
    source = source if source.exists() else folder.parent / "source.tif"
    write_stack(source, 3, folder / "stack.tif")


def raw_volume(container):
    return into_folder(lambda f: write_volume(f, container, VOLUME, VOLUME.shape, "uint16"))


def raw_slide(container):
    return into_folder(lambda f: write_slide(f, container, RGB, 5.0))


WRITERS = {
    "ct.tif": lambda path: write_image(path, GREY, 5.0),
    "section.ome.tif": lambda path: write_ome_image(path, GREY, 5.0),
    "slide.ome.tif": lambda path: write_slide_pyramid(path, RGB, 5.0),
    "ct.ome.zarr": lambda path: write_volume_pyramid(path, VOLUME, 5.0),
    "rgba.tif": colours_tiff,
    "slabs": kept_slab,
    "transform.json": lambda path: write_json(path, {"values": list(range(99))}),
    "slide_to_volume.tfm": lambda path: write_tfm(path, MAP),
    "history.csv": lambda path: write_history(HISTORY, path),
    "curves.png": lambda path: draw_curves(pd.DataFrame(HISTORY), {"gan": "GAN"}, path),
    "patches.png": figure,
    "turntable.gif": drawing(gif),
    "page.html": drawing(lambda path: path.write_text("x" * 999, encoding="utf-8")),
    "training_patches.npz": lambda path: write_training_patches(path, {"ct": GREY}),
    "generator.pt": generator,
    "volume.nrrd": lambda path: write_nrrd(path, COLOURS),
    "slices": lambda path: write_slices(path, COLOURS),
    "package": into_folder(script),
    "package, example": into_folder(lambda folder: np.save(folder / "input.npy", GREY)),
    "weights, copied": into_folder(lambda f: shutil.copyfile(__file__, f / "generator.pt")),
    "slice": into_folder(lambda f: write_stack(f.parent / "one.tif", 3, f / "stack.tif")),
    **{f"raw {name}": raw_volume(name) for name in ("tiff_folder", "bigtiff")},
    **{f"raw {name}": raw_slide(name) for name in ("ome_tiff", "png")},
}


@pytest.fixture
def full_disk():
    """Return a context in which no file may grow beyond some bytes."""

    @contextlib.contextmanager
    def full():
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return full


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, full_disk, name):
    """The earlier output stays, and nothing is left beside it."""
    write_image(tmp_path / "one.tif", GREY, 5.0)
    folder = tmp_path / "results"
    folder.mkdir()
    path = folder / name
    write_image(folder / "one.tif", GREY, 5.0)
    WRITERS[name](path)
    before = contents(folder)
    if name == "slabs":
        path = next(path.iterdir())
    with pytest.raises(Exception) as raised, full_disk():
        WRITERS[name](folder / name)
    said = cli.explain(raised.value, argparse.Namespace(out=path, stage="mask"))
    assert said is not None, repr(raised.value)
    assert str(path) in said
    assert "the file grew larger than the system allows" in said or "the disk is full" in said
    assert contents(folder) == before


LATER_S = 10**7


@pytest.mark.parametrize(
    "name", sorted(WRITERS.keys() - {"package"})
)  # TorchScript numbers its classes
def test_equal_content_has_equal_bytes(tmp_path, monkeypatch, name):
    """Written again at another time, by another process and in another folder."""
    for place in ("one", "two"):
        folder = tmp_path / place / "results"
        folder.mkdir(parents=True)
        write_image(folder / "one.tif", GREY, 5.0)
        WRITERS[name](folder / name)
        clock, pid = time.time, os.getpid()
        monkeypatch.setattr(time, "time", lambda: clock() + LATER_S)  # noqa: B023
        monkeypatch.setattr(os, "getpid", lambda: pid + 1)  # noqa: B023
    one, two = (contents(tmp_path / place) for place in ("one", "two"))
    assert [*one.values()] == [*two.values()] and len(one) > 1


def test_a_cohort_in_hdf5_is_not_begun_on_a_full_disk(tmp_path, monkeypatch):
    """HDF5 ends the process where the disk fills while it writes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=VOLUME.nbytes - 1))
    with pytest.raises(OSError, match="No space left") as raised:
        raw_volume("hdf5")(tmp_path / "Mg-01")
    said = cli.explain(raised.value, argparse.Namespace(out="results/x", stage="cohort"))
    assert f"{tmp_path / 'Mg-01'}: the disk is full" in said
    assert not contents(tmp_path)


TRIED = {
    "TiffWriter", "copyfile", "create_array", "create_dataset", "create_group", "imwrite", "save",
    "savefig", "savez_compressed", "to_csv", "write_bytes", "write_text",
    # Copies and an archive, written by Python itself as `copyfile` and `savez_compressed` are.
    "copy2", "copyfileobj", "copytree", "save_bioimageio_package",
    "SummaryWriter",  # TensorBoard's events: what cannot be written ends no training
}  # fmt: skip

OTHER_WAYS = {
    "FileWriter", "WriteImage", "WriteTransform", "dump", "savemat", "savetxt", "to_excel",
    "to_hdf", "to_parquet", "tofile", "writestr",
}  # fmt: skip


def test_every_way_to_write_is_tried_here(repository):
    """A file is written in no other way than those of the writers above."""
    writes = re.compile(rf"\b({'|'.join(TRIED | OTHER_WAYS)})\(")
    sources = (repository / "workflow_scripts").rglob("*.py")
    found = {m[1] for path in sources for m in writes.finditer(path.read_text(encoding="utf-8"))}
    assert found == TRIED
