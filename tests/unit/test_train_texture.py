"""Texture that generators learn apart from the picture."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from train_cases import make_pair, tiny

from virtual_staining.artefacts.generator import Generators
from virtual_staining.errors import InputError
from virtual_staining.imaging.intensity import ct_window
from virtual_staining.imaging.sampling.sampler import Sampler
from virtual_staining.models.build import build_generators, build_model
from virtual_staining.models.initialization import initialize
from virtual_staining.models.texture import (
    FIRST_DIFFERENCE,
    Texture,
    Textured,
    add_texture,
    with_texture,
)
from virtual_staining.settings.infer import InferSettings

CPU = torch.device("cpu")
MODELS = ["pix2pix", "paired_cyclegan"]


def textured(model="pix2pix", **changes):
    torch.manual_seed(0)
    return build_model(tiny(model, norm="pixel", texture=True, **changes), CPU)


def a_batch(pairs):
    sampler = Sampler(pairs, 32, 2, 0.0, 0.0, True, 0.0, ct_window(50000), CPU)
    return sampler.batch(sampler.plan(1, 1), slice(0, 3))


@pytest.mark.parametrize("model", MODELS)
def test_the_losses_of_the_picture_and_of_the_texture_do_not_meet(model):
    """The texture's loss alone reaches the texture, and reaches nothing else."""
    built = textured(model)
    reached = set()
    for parts, _ in built.directions(a_batch([make_pair(0), make_pair(1)])):
        weights = dict(built.generators.named_parameters())
        for loss in ("total", "texture"):
            found = torch.autograd.grad(
                parts[loss], [*weights.values()], retain_graph=True, allow_unused=True
            )
            names = [
                name for name, gradient in zip(weights, found, strict=True) if gradient is not None
            ]
            assert names and all((".texture." in name) == (loss == "texture") for name in names)
            reached |= set(names)
    assert reached == set(weights)


@pytest.mark.parametrize("model", MODELS)
def test_the_discriminator_sees_the_texture(model):
    built = textured(model)
    batch = a_batch([make_pair(0), make_pair(1)])
    _, inputs = next(iter(built.directions(batch)))
    texture = built.generators["slide"].texture
    with torch.no_grad():
        texture.difference.bias.fill_(9)  # much texture
    _, without = next(iter(built.directions(batch)))
    shown = {"pix2pix": 0, "paired_cyclegan": 2}[model]
    assert not torch.equal(inputs[shown], without[shown])


@pytest.mark.parametrize("model", MODELS)
def test_every_validation_sees_the_same_noise(model):
    built = textured(model)
    batch = a_batch([make_pair(0), make_pair(1)])
    first = built.validate(batch)
    torch.manual_seed(12)
    assert torch.equal(built.validate(batch), first)


def test_the_picture_is_that_of_the_network_inside():
    """With texture, a generator paints as without one; only the names of its weights differ."""
    network = build_generators(tiny("pix2pix", texture=True))["slide"].eval()
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(network(image), network.picture(image))


def test_texture_begins_as_faint_grey_noise():
    torch.manual_seed(0)
    texture = Texture()
    texture.initialize()
    picture = torch.full((1, 3, 200, 200), 0.2)
    added = texture(picture, torch.randn(1, 1, 200, 200)).detach() - 0.2
    assert added.diff(dim=2).abs().mean() == pytest.approx(FIRST_DIFFERENCE, rel=0.02)
    assert np.corrcoef(added[0].flatten(1))[0, 1] > 0.99


@pytest.mark.parametrize("own", [0.5, 1.0, 2.0])
def test_texture_adds_what_is_missing(own):
    """A picture with some of the grain gets the rest, one with as much grain gets none."""
    torch.manual_seed(0)
    texture = Texture()
    texture.initialize()
    grain = torch.randn(1, 1, 200, 200) * own * FIRST_DIFFERENCE / (0.7979 * 2**0.5)
    picture = (0.2 + grain).expand(1, 3, 200, 200)
    shown = texture(picture, torch.randn(1, 1, 200, 200)).detach()
    differ = shown.diff(dim=2).abs().mean() / FIRST_DIFFERENCE
    assert differ == pytest.approx(max(own, 1), rel=0.05)


@pytest.mark.parametrize("shape", [(37, 23), (7, 40), (6, 6)])
def test_bands_leave_no_seam(shape):
    texture = Texture()
    texture.initialize()
    torch.nn.init.normal_(texture.difference.weight, 0, 0.3)
    picture = torch.rand(3, 1, 1).expand(3, *shape) * 2 - 1
    whole = with_texture(texture, picture, 3, 10**9)
    for rows in (3, 7):
        banded = with_texture(texture, picture, 3, rows * shape[1])
        torch.testing.assert_close(banded, whole, rtol=0, atol=1e-6)
    assert not torch.equal(with_texture(texture, picture, 4, 10**9), whole)


def test_the_texture_learns_the_grain_of_the_sections():
    """Strength and coarseness of a grain that lies on one colour alone, by its known truth."""
    rng = np.random.default_rng(0)
    colour = torch.tensor([-0.5, 0.1, 0.4]).view(1, 3, 1, 1)
    bone = torch.zeros(1, 1, 96, 96)
    bone[..., 48:] = 1
    plain = bone * colour + (1 - bone) * 0.8
    texture = Textured(torch.nn.Identity())
    torch.manual_seed(0)
    texture.texture.initialize()
    optimizer = torch.optim.Adam(texture.texture.parameters(), lr=4e-3)
    for _ in range(300):
        grain = gaussian_filter(rng.normal(size=(98, 98)), 0.7)[1:-1, 1:-1]
        real = plain + bone * torch.from_numpy(0.1 * grain / grain.std()).float()
        optimizer.zero_grad()
        _, loss = add_texture(texture, plain, real, torch.ones_like(bone))
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        added = texture.texture(plain, torch.randn(bone.shape)) - plain
    assert added[..., 55:].std() == pytest.approx(0.1, rel=0.15)
    assert added[..., :40].std() < 0.01
    grain = added[0, 0, :, 55:].numpy()
    neighbours = np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / (4 * 0.7**2)), abs=0.15)


def test_slides_show_the_texture_on_request_and_twice_the_same():
    settings = tiny("pix2pix", texture=True)
    network = build_generators(settings)["slide"].eval()
    initialize(network)
    with torch.no_grad():
        network.texture.difference.bias.fill_(1)
    generators = Generators(settings, {"slide": network}, CPU)
    ct, tiling = make_pair(0).ct, InferSettings(patch_px=32, step_px=32)
    plain, spread = generators.slide_from_ct(ct, tiling)
    shown, same_spread = generators.slide_from_ct(ct, tiling, texture=True)
    again, _ = generators.slide_from_ct(ct, tiling, texture=True)
    assert np.array_equal(shown, again) and np.array_equal(spread, same_spread)
    added = shown.astype(float) - plain
    assert added.std() > 3 and abs(added.mean()) < 1


def test_a_generator_without_texture_shows_none():
    settings = tiny("pix2pix")
    network = build_generators(settings)["slide"].eval()
    assert not isinstance(network, Textured)
    generators = Generators(settings, {"slide": network}, CPU)
    with pytest.raises(InputError, match=r"infer.texture: true needs .* texture: true"):
        generators.slide_from_ct(
            make_pair(0).ct, InferSettings(patch_px=32, step_px=32), texture=True
        )
