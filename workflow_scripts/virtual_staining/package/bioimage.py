"""Packages of the BioImage Model Zoo (bioimage.io, model format 0.5).

The package holds the generator of slides as TorchScript, which takes normalized CT and returns
colours, so that other programs need nothing else; and generator.pt itself, which this program takes
out again without loss.
"""

import shutil
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from virtual_staining import __version__
from virtual_staining.artefacts.generator_file import (
    load_content,
    load_trained_on,
    read_description,
    state_trained_on,
)
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.artefacts.trained_on import TrainedOn
from virtual_staining.errors import InputError
from virtual_staining.package.script import SlideFromCT, script_of
from virtual_staining.package.undated import FIRST_DAY, write_undated

GENERATOR = "generator.pt"
WEIGHTS = "weights.torchscript.pt"
EXAMPLE_PX = 256
UNNAMEABLE = str.maketrans({"_": " ", ",": None})  # a name in the zoo holds letters, digits, spaces
PAPER = (
    "Irvine et al., Paired CycleGAN-based virtual staining for 3D X-ray histology of bone-implant "
    "systems"
)


@dataclass(frozen=True)
class Rights:
    """Whose the weights are.

    Parameters
    ----------
    authors : list of str
        Names.
    licence : str
        SPDX identifier.
    doi : str
        Of the publication to cite; empty if there is none.
    """

    authors: list[str]
    licence: str
    doi: str = ""


def export_package(
    model: str | Path,
    example: str | Path,
    rights: Rights,
    hash_samples: bool,
    out: Path,
) -> None:
    """Write a package and check it with the zoo's own validator.

    Parameters
    ----------
    model : path
        generator.pt.
    example : path
        Normalized CT plane, uint16; its middle becomes the package's example.
    rights : Rights
    hash_samples : bool
        Whether sample ids are replaced by hashes.
    out : Path
        The zip to write.

    Raises
    ------
    InputError
        If ``bioimageio.spec`` is not installed, the file does not say what its networks were
        trained on, or the validator refuses the package.
    """
    spec = _spec()
    facts = _with_licence(load_trained_on(model), rights.licence, hash_samples)
    module = SlideFromCT(load_content(model))
    plane = _example(example, module.multiple_px)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state_trained_on(model, facts, folder / GENERATOR)
        stained = script_of(module, plane, folder / WEIGHTS)
        np.save(folder / "input.npy", plane)
        np.save(folder / "output.npy", stained)
        (folder / "README.md").write_text(_readme(model, facts), encoding="utf-8")
        try:
            described = _described(folder, facts, rights, module.multiple_px)
        except ValueError as error:
            raise InputError(f"{out}: the zoo's format refuses the package: {error}") from error
        with replacing(out) as temporary:
            spec.save_bioimageio_package(described, output_path=folder / "dated.zip")
            write_undated(folder / "dated.zip", temporary)


def import_package(package: str | Path, out: Path) -> None:
    """Take generator.pt out of a package and check it.

    Raises
    ------
    InputError
        If the file is no package of :func:`export_package`.
    """
    try:
        with zipfile.ZipFile(package) as held, replacing(out) as temporary:
            with held.open(GENERATOR) as source, open(temporary, "wb") as target:
                shutil.copyfileobj(source, target)
            load_trained_on(temporary)
    except FileNotFoundError as error:
        raise InputError(f"{package}: no such file") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputError(
            f"{package}: holds no {GENERATOR}; give a package that `package export` has written"
        ) from error


def _spec():
    try:
        import bioimageio.spec as spec
    except ImportError as error:
        raise InputError(
            "package: bioimageio.spec is not installed; run pip install "
            "'virtual-staining[bioimageio]'"
        ) from error
    return spec


def _with_licence(facts: TrainedOn, licence: str, hash_samples: bool) -> TrainedOn:
    facts = replace(facts, licence=licence)
    return facts.with_hashed_samples() if hash_samples else facts


def _example(path: str | Path, multiple_px: int) -> np.ndarray:
    """Return the middle of a CT plane, float32 (1, 1, y, x), sides of a multiple of pixels."""
    plane = read_image(path)
    if plane.ndim != 2 or plane.dtype != np.uint16:
        raise InputError(
            f"{path}: {plane.dtype} of shape {plane.shape} is no normalized CT plane, which is "
            "uint16 (y, x); give a 03_normalize/…/ct.tif of the study"
        )
    side = min(*plane.shape, EXAMPLE_PX) // multiple_px * multiple_px
    if not side:
        raise InputError(f"{path}: {plane.shape} is smaller than {multiple_px} pixels")
    top, left = ((size - side) // 2 for size in plane.shape)
    return plane[None, None, top : top + side, left : left + side].astype(np.float32)


def _described(folder: Path, facts: TrainedOn, rights: Rights, multiple_px: int):
    """Return the description of the package, checked when it is made."""
    import torch
    from bioimageio.spec.model import v0_5 as zoo

    size = zoo.ParameterizedSize(min=multiple_px, step=multiple_px)
    space = {"unit": "micrometer", "scale": facts.voxel_size_um}
    ct, slide = zoo.TensorId("ct"), zoo.TensorId("slide")
    axes_in = [zoo.SpaceInputAxis(id=zoo.AxisId(axis), size=size, **space) for axis in "yx"]
    axes_out = [
        zoo.SpaceOutputAxis(
            id=zoo.AxisId(axis),
            size=zoo.SizeReference(tensor_id=ct, axis_id=zoo.AxisId(axis)),
            **space,
        )
        for axis in "yx"
    ]
    return zoo.ModelDescr(
        name=f"Virtual {facts.stain} stain of X-ray CT, fold {facts.fold}".translate(UNNAMEABLE),
        description="Makes a stained section of a plane of X-ray CT (X-ray histology).",
        authors=[zoo.Author(name=name) for name in rights.authors],
        cite=[zoo.CiteEntry(text=PAPER, doi=zoo.Doi(rights.doi))] if rights.doi else [],
        license=facts.licence,
        timestamp=FIRST_DAY,  # the format asks for one; equal weights make equal packages
        documentation=zoo.FileDescr(source=folder / "README.md"),
        tags=["2d", "x-ray", "histology", "virtual-staining", "image-restoration", "unet"],
        attachments=[zoo.FileDescr(source=folder / GENERATOR)],
        inputs=[
            zoo.InputTensorDescr(
                id=ct,
                description="normalized CT: background 10000, bone 30000 unless README says other",
                axes=[
                    zoo.BatchAxis(size=1),
                    zoo.ChannelAxis(channel_names=[zoo.Identifier("ct")]),
                    *axes_in,
                ],
                data=zoo.IntervalOrRatioDataDescr(type="float32"),
                test_tensor=zoo.FileDescr(source=folder / "input.npy"),
            )
        ],
        outputs=[
            zoo.OutputTensorDescr(
                id=slide,
                description="colours, 0 to 255",
                axes=[
                    zoo.BatchAxis(size=1),
                    zoo.ChannelAxis(
                        channel_names=[zoo.Identifier(n) for n in ("red", "green", "blue")]
                    ),
                    *axes_out,
                ],
                data=zoo.IntervalOrRatioDataDescr(type="float32", range=(0, 255)),
                test_tensor=zoo.FileDescr(source=folder / "output.npy"),
            )
        ],
        weights=zoo.WeightsDescr(
            torchscript=zoo.TorchscriptWeightsDescr(
                source=folder / WEIGHTS, pytorch_version=torch.__version__.split("+")[0]
            )
        ),
        config=zoo.Config(virtual_staining={"version": __version__, **facts.describe()}),
    )


def _readme(model: str | Path, facts: TrainedOn) -> str:
    """Return the text that stands in the package."""
    about = read_description(model)
    levels = facts.normalize
    losses = ", ".join(f"{name} {value:.3g}" for name, value in facts.validation_losses.items())
    return f"""# Virtual {facts.stain} stain of X-ray CT

Trained with virtual_staining {about["version"]}: model {about["model"]}, fold {facts.fold}, epoch
{about["epoch"]} ({about["loss"]}).

The input is one plane of CT with pixels of {facts.voxel_size_um:g} µm, averaged through
{facts.section_thickness_um:g} µm, scaled so that the mean grey level of the background is
{levels["background_mean"]:g} and that of {levels["reference_class"]} is {levels["bone_mean"]:g}.
The output is a stained section.

Training samples: {", ".join(facts.training)}.

## Validation

Losses on the validation samples {", ".join(facts.validation)}: {losses}.

The colours are a guess learned from a few sections. They are no diagnosis.
"""
