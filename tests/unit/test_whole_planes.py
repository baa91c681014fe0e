"""Whole planes in bands, their mirror images, and Hann tiles, against plain calculations."""

import numpy as np
import pytest
import torch
from train_cases import tiny

from virtual_staining.artefacts import generator as artefact
from virtual_staining.artefacts.generator import Generators
from virtual_staining.errors import InputError
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.imaging.whole_planes import mean_over_flips, stain_whole_plane
from virtual_staining.models.build import build_generators
from virtual_staining.models.catalogue import model_facts
from virtual_staining.models.initialization import initialize
from virtual_staining.models.model import uses_bfloat16
from virtual_staining.settings.infer import InferSettings

CPU = torch.device("cpu")
WHOLE = InferSettings(whole_planes=True)


def generators(**changes):
    """Return random generators with pixel norm, or as told, ready to stain."""
    settings = tiny("pix2pix", **{"norm": "pixel", **changes})
    torch.manual_seed(0)
    network = initialize(build_generators(settings)["slide"]).eval()
    return Generators(settings, {"slide": network}, CPU)


def plane(height, width):
    return torch.from_numpy(
        np.random.default_rng(height).uniform(-1, 1, (3, height, width)).astype(np.float32)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"generator": "unet", "unet_depth": 3, "head": "full"},
        {"generator": "unet", "unet_depth": 4, "head": "half"},
        {"generator": "resnet", "residual_blocks": 2},
    ],
)
def test_bands_equal_the_plane_at_once(changes, monkeypatch):
    networks = generators(**changes)
    image = plane(301, 70)
    at_once, _ = networks.stain("slide", image, WHOLE)
    assert at_once.shape == image.shape
    monkeypatch.setattr(artefact, "BAND_BYTES", 1)  # the smallest bands
    in_bands, deviation = networks.stain("slide", image, WHOLE)
    torch.testing.assert_close(in_bands, at_once, atol=1e-5, rtol=0)
    assert not deviation.any()


@pytest.mark.parametrize("changes", [{"unet_depth": 3, "head": "full"}, {"generator": "resnet"}])
def test_no_pixel_reaches_further_than_the_facts_say(changes):
    networks = generators(**changes)
    spec = model_facts("pix2pix").generator(networks.settings)
    side = 2 * spec.reach_px + 4 * 2**spec.halvings
    side = -(-side // 2**spec.halvings) * 2**spec.halvings
    image = plane(side, side)[None].requires_grad_()
    middle = side // 2
    networks.networks["slide"](image)[0, :, middle, middle].sum().backward()
    rows = image.grad.abs().amax((0, 1, 3)).nonzero().ravel()
    assert middle - rows.min() <= spec.reach_px and rows.max() - middle <= spec.reach_px
    assert (rows.max() - rows.min()) > spec.reach_px / 2  # the bound is not idle


def test_instance_norm_has_no_whole_planes():
    with pytest.raises(InputError, match=r"infer.whole_planes: true needs .* norm: pixel"):
        generators(norm="instance").check_tiling(WHOLE)
    generators().check_tiling(WHOLE)


@pytest.mark.parametrize("shape", [(1, 5), (63, 64), (64, 64), (65, 130)])
def test_planes_of_any_size_keep_their_place(shape):
    image = plane(*shape)
    same = stain_whole_plane(lambda x: x, image, 64, 64, 10**9)
    torch.testing.assert_close(same, image)


def test_flips_average_four_answers_and_their_scatter():
    ramp = torch.arange(6.0)

    def stain(image, inside):
        return image + ramp, torch.full_like(image, 2.0)

    image = plane(4, 6)
    mean, deviation = mean_over_flips(stain, image)
    torch.testing.assert_close(mean, image + 2.5)
    scatter = torch.stack([ramp, ramp.flip(0)]).std(0, correction=0)
    torch.testing.assert_close(deviation[0, 0], (scatter**2 + 4).sqrt())


def test_an_equivariant_generator_is_not_changed_by_flips():
    image = plane(40, 40)
    mean, deviation = mean_over_flips(lambda x, _: (x.tanh(), torch.zeros_like(x)), image)
    torch.testing.assert_close(mean, image.tanh())
    assert deviation.max() < 1e-3


def test_hann_tiles_show_fainter_borders_than_uniform_ones():
    def tilted(tiles):
        """Return tiles with an error that grows across each tile, as networks make it."""
        return tiles + torch.linspace(-1, 1, tiles.shape[-1])

    image = torch.zeros(1, 64, 64)
    steps = {}
    for window in ("uniform", "hann"):
        mean, _ = stain_plane(tilted, image, 32, 16, 8, "cpu", window)
        steps[window] = float(mean.diff(dim=2).abs()[0, 20, 17:47].max())
    assert steps["hann"] < 0.2 * steps["uniform"]


def test_bfloat16_changes_colours_by_little_and_float32_not_at_all():
    networks = generators(generator="unet", unet_depth=3, head="full", features=16)
    image = plane(90, 120)
    exact, _ = networks.stain("slide", image, WHOLE)
    short, _ = networks.stain("slide", image, WHOLE.model_copy(update={"precision": "bf16"}))
    assert short.dtype == torch.float32
    difference = (127.5 * (short - exact)).abs()  # 8-bit levels
    assert 0 < difference.mean() < 1 and difference.max() < 8
    automatic, _ = networks.stain("slide", image, WHOLE.model_copy(update={"precision": "auto"}))
    on_chip = uses_bfloat16("auto", CPU)
    assert torch.equal(automatic, short if on_chip else exact)
