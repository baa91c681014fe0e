"""Architectures: parameter counts, sizes and receptive fields."""

import pytest
import torch
from torch import nn

from virtual_staining.models.facts import GeneratorSpec
from virtual_staining.models.grey_levels import GreyLevels
from virtual_staining.models.initialization import initialize
from virtual_staining.models.networks import (
    PixelNorm,
    UNet,
    build_generator,
    patchgan,
    resnet_generator,
)


def unet(features, depth, **changes):
    return UNet(GeneratorSpec("unet", features, depth, **changes))


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_at_full_size():
    with torch.device("meta"):
        assert count(resnet_generator(64, 9)) == 11_378_179
        assert count(unet(64, 8)) == 54_404_099
        assert count(patchgan("patchgan_70", 64)) == 2_764_737
        assert count(patchgan("linder_noren_94", 64)) == 2_764_737


@pytest.mark.parametrize(("kind", "expected_px"), [("patchgan_70", 70), ("linder_noren_94", 94)])
@pytest.mark.parametrize("conditional", [False, True])
def test_receptive_field(kind, expected_px, conditional):
    torch.manual_seed(0)
    layers = list(patchgan(kind, 2, conditional))
    # Instance norm sees the whole image; the stated field is that of the convolutions.
    network = nn.Sequential(*[m for m in layers if not isinstance(m, nn.InstanceNorm2d)])
    image = torch.zeros(1, 6 if conditional else 3, 256, 256, requires_grad=True)
    scores = network(image)
    middle = scores.shape[2] // 2
    scores[0, 0, middle, middle].backward()
    seen = image.grad.abs().sum((0, 1)) > 0
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    assert rows.max() - rows.min() + 1 == expected_px
    assert columns.max() - columns.min() + 1 == expected_px


@pytest.mark.parametrize(
    "network",
    [
        resnet_generator(4, 2),
        resnet_generator(4, 2, "pixel"),
        unet(4, 5),
        unet(4, 3),
        unet(4, 5, norm="pixel", head="full", dropout=0.0),
        unet(4, 2, norm="instance", head="full"),
    ],
)
def test_generators_keep_the_size_and_the_range(network):
    torch.manual_seed(0)
    image = torch.randn(2, 3, 32, 64)
    out = initialize(network)(image)
    assert out.shape == image.shape
    assert out.abs().max() <= 1


def test_unet_of_full_depth_reaches_a_single_pixel():
    torch.manual_seed(0)
    image = torch.randn(1, 3, 32, 32, requires_grad=True)
    unet(2, 5).eval()(image)[0, 0, 0, 0].backward()
    assert image.grad[0, :, -1, -1].abs().max() > 0


def test_images_of_a_batch_do_not_mix():
    torch.manual_seed(0)
    image = torch.randn(2, 3, 32, 32)
    for network in (resnet_generator(4, 1), unet(4, 4).eval(), patchgan("patchgan_70", 4)):
        torch.testing.assert_close(network(image)[:1], network(image[:1]), atol=1e-5, rtol=1e-4)


def test_initial_weights():
    torch.manual_seed(0)
    network = initialize(resnet_generator(16, 1))
    weights = torch.cat([p.flatten() for n, p in network.named_parameters() if "weight" in n])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert all((p == 0).all() for n, p in network.named_parameters() if "bias" in n)


def test_pixel_norm_keeps_the_direction_of_each_pixel():
    image = torch.randn(2, 8, 5, 6)
    out = PixelNorm()(image)
    torch.testing.assert_close(out.square().mean(1), torch.ones(2, 5, 6), atol=1e-2, rtol=0)
    cosine = torch.nn.functional.cosine_similarity(out, image, dim=1)
    torch.testing.assert_close(cosine, torch.ones(2, 5, 6))


def test_initial_weights_of_pixel_norm_keep_the_scale_of_the_signal():
    torch.manual_seed(0)
    network = initialize(unet(16, 4, norm="pixel", head="full", dropout=0.0))
    image = torch.randn(1, 3, 64, 64)
    scales = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(lambda *x: scales.append(float(x[2].detach().std())))
    network(image)
    assert all(0.3 < scale < 4 for scale in scales)


def test_a_full_head_prints_no_grid():
    """Doubling by repetition treats all four phases of a doubled pixel alike."""
    steps = {}
    for head in ("half", "full"):
        torch.manual_seed(0)
        network = initialize(unet(8, 4, norm="pixel", head=head, dropout=0.0)).eval()
        with torch.no_grad():
            out = network(torch.full((1, 3, 128, 128), 0.3))[0, :, 48:80, 48:80]
        steps[head] = float(out.diff(dim=2).abs().max() / out.abs().mean())
    assert steps["full"] < 0.1 * steps["half"]


def grey_levels_apart(network):
    """Return how far apart two flat greys lie in the features, relative to the features."""
    with torch.no_grad():
        dark, light = (
            network(torch.full((1, 3, 64, 64), level))[0, :, 4, 4] for level in (-0.6, -0.45)
        )
    return float((dark - light).norm() / dark.norm())


@pytest.mark.parametrize("norm", ["instance", "pixel"])
def test_a_discriminator_has_the_norm_asked_for(norm):
    kinds = [type(layer) for layer in patchgan("patchgan_70", 4, norm=norm)]
    assert kinds.count(PixelNorm) == (3 if norm == "pixel" else 0)
    assert kinds.count(nn.InstanceNorm2d) == (0 if norm == "pixel" else 3)


def test_pixel_norm_tells_flat_grey_levels_apart_from_the_first_step():
    """Background and a polymer implant lie at such levels; without biases they look alike."""
    torch.manual_seed(0)
    network = UNet(GeneratorSpec("unet", 16, 4, "pixel", "full", 0.0))
    features = nn.Sequential(*[initialize(network).downs[level] for level in range(3)])
    told = grey_levels_apart(features)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
    assert told > 5 * grey_levels_apart(features)
    assert told > 0.1


@pytest.mark.parametrize(
    "network",
    [
        unet(8, 3, norm="pixel", head="full", dropout=0.0),
        resnet_generator(8, 1, "pixel"),
        patchgan("patchgan_70", 8, True, "pixel"),
    ],
)
def test_channels_that_see_the_image_change_sign_between_black_and_white(network):
    torch.manual_seed(0)
    layers = [m for m in initialize(nn.ModuleDict({"slide": network})).modules()
              if isinstance(m, nn.Conv2d)]  # fmt: skip
    biased = [layer for layer in layers if layer.bias is not None and layer.bias.any()]
    assert len(biased) == (2 if isinstance(network, UNet) else 1)
    for layer in biased:
        at = -layer.bias / layer.weight.sum((1, 2, 3))
        assert at.abs().max() <= 1 and at.min() < 0 < at.max()


def test_grey_levels_show_air_and_polymer_apart():
    """Air and polymer of a tenth of the grey scale differ by most of a channel's range."""
    air, polymer = torch.full((1, 3, 2, 2), -0.6), torch.full((1, 3, 2, 2), -0.48)
    levels = GreyLevels(16)
    difference = (levels(polymer) - levels(air)).amax((0, 2, 3))
    assert difference[:3] == pytest.approx(0.12)
    assert difference[3:].max() > 0.9
    assert levels(air).shape == (1, 19, 2, 2)


@pytest.mark.parametrize("levels", [1, 4])
def test_grey_levels_cross_zero_at_their_level(levels):
    """Each channel is 0 at the middle of its part of the scale and 1 a part's width above."""
    middles = torch.linspace(-1 + 1 / levels, 1 - 1 / levels, levels)
    for k, middle in enumerate(middles):
        for grey, value in ((middle, 0.0), (middle + 2 / levels, 1.0), (middle - 4 / levels, -1.0)):
            image = torch.full((1, 3, 1, 1), float(grey))
            assert float(GreyLevels(levels)(image)[0, 3 + k, 0, 0]) == pytest.approx(
                value, abs=1e-6
            )


@pytest.mark.parametrize("network", ["unet", "resnet"])
def test_grey_levels_are_the_first_layer_of_either_network(network):
    """The input keeps three channels, and the weights of the levels are not stored."""
    plain = build_generator(GeneratorSpec(network, 4, 2, "pixel", "full", 0.0))
    spread = build_generator(GeneratorSpec(network, 4, 2, "pixel", "full", 0.0, grey_levels=8))
    image = torch.rand(1, 3, 16, 16)
    assert spread(image).shape == plain(image).shape == (1, 3, 16, 16)
    first = [next(m for m in n.modules() if isinstance(m, nn.Conv2d)) for n in (plain, spread)]
    assert [layer.in_channels for layer in first] == [3, 11]
    assert len(spread.state_dict()) == len(plain.state_dict())
