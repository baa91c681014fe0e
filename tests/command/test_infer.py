"""Whole slides from generator files: contents, masks, inversion, damaged input."""

import numpy as np
import pytest
import torch
from train_cases import STAIN, infer_arguments, make_pair, tiny, trained, write_fold

from virtual_staining.artefacts.generator import Generators, load_generators
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import pixel_size_um, read_image
from virtual_staining.cli import main
from virtual_staining.models.build import build_model
from virtual_staining.settings.tiling import TilingSettings

torch.set_num_threads(1)
CPU = torch.device("cpu")


def random_generator(path, model):
    settings = tiny(model)
    state = build_model(settings, CPU).generators.state_dict()
    write_generator(path, settings, state, 1, "last")


@pytest.mark.parametrize("model", ["paired_cyclegan", "pix2pix"])
def test_files_of_every_sample(tmp_path, model):
    write_fold(tmp_path, tiny(model))
    random_generator(trained(tmp_path, model).generator, model)
    out = Results(tmp_path).stained(STAIN, model, 1).path
    out.mkdir(parents=True)
    (out / "stale").touch()
    assert main(infer_arguments(tmp_path, model)) == 0
    assert sorted(p.name for p in out.iterdir()) == ["s0", "s1", "s2", "s3", "training_patches.npz"]
    kinds = {"slide": (np.uint8, 240), "spread": (np.float32, None), "ct": (np.uint16, 10000)}
    if model == "pix2pix":
        del kinds["ct"]
        assert not (out / "s0" / "ct.tif").exists()
    mask = make_pair(3).mask
    for name, (dtype, background) in kinds.items():
        image = read_image(out / "s3" / f"{name}.tif")
        assert image.dtype == dtype
        assert image.shape[:2] == mask.shape
        assert pixel_size_um(out / "s3" / f"{name}.tif") == pytest.approx(20)
        if background is not None:
            masked = read_image(out / "s3" / f"{name}_masked.tif")
            np.testing.assert_array_equal(masked[mask], image[mask])
            outside = masked[~mask] if name == "ct" else masked[~mask][:, 0]
            assert (outside == background).all()
    patches = np.load(out / "training_patches.npz")
    expected = {"ct", "slide", "mask", "fake_slide", "sample"}
    assert set(patches) == expected | ({"fake_ct"} if "ct" in kinds else set())
    for name, patch in zip(patches["sample"], patches["ct"], strict=True):
        assert np.isin(patch, make_pair(int(name[1:])).ct).mean() > 0.9, "the patch of this sample"
    assert patches["fake_slide"].shape == (3, 32, 32, 3)
    assert patches["fake_slide"].dtype == np.uint8
    assert patches["mask"].mean((1, 2)).min() > 0.45
    assert read_image(out / "s0" / "spread.tif").max() > 0.1


class Copy(torch.nn.Module):
    """A generator that hands its input on."""

    def forward(self, x):
        return x


def test_intensities_there_and_back():
    ct = np.linspace(0, 50000, 40 * 40).reshape(40, 40).astype(np.uint16)
    tiling = TilingSettings(patch_px=32, step_px=16, batch_patches=4)
    for model, sign in (("paired_cyclegan", 1), ("cyclegan_inverted", -1)):
        generators = Generators(tiny(model), {"slide": Copy(), "ct": Copy()}, CPU)
        rgb, spread = generators.slide_from_ct(ct, tiling)
        grey = np.rint(127.5 + sign * (ct / 25000 - 1) * 127.5)
        assert abs(rgb - grey[..., None]).max() <= 1
        assert spread.max() < 0.1
        back = generators.ct_from_slide(rgb, tiling)
        assert abs(back.astype(float) - ct).max() <= 50000 / 255
    assert back.dtype == np.uint16


def test_weights_are_those_of_the_file(tmp_path):
    random_generator(tmp_path / "g.pt", "paired_cyclegan")
    generators = load_generators(tmp_path / "g.pt", CPU)
    content = torch.load(tmp_path / "g.pt", weights_only=True)["generators"]
    for made, direction in (("slide", "forward"), ("ct", "reverse")):
        for key, value in generators.networks[made].state_dict().items():
            assert torch.equal(value, content[direction][key])
        assert not generators.networks[made].training


def test_same_answer_twice(tmp_path):
    random_generator(tmp_path / "g.pt", "pix2pix")
    generators = load_generators(tmp_path / "g.pt", CPU)
    ct = make_pair(0).ct
    tiling = TilingSettings(patch_px=32, step_px=16, batch_patches=4)
    first, second = (generators.slide_from_ct(ct, tiling)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_bad_input_is_named(tmp_path, capsys):
    write_fold(tmp_path, tiny("pix2pix"))
    random_generator(trained(tmp_path, "pix2pix").generator, "pix2pix")
    assert main(infer_arguments(tmp_path, "pix2pix", patch_px=40)) == 1
    assert "infer.patch_px: 40 must be a multiple of 32" in capsys.readouterr().err
    Results(tmp_path).normalized("s2").stats.write_text("{}")
    assert main(infer_arguments(tmp_path, "pix2pix")) == 1
    assert "s2/stats.json" in capsys.readouterr().err
    assert not Results(tmp_path).stained(STAIN, "pix2pix", 1).path.exists()
