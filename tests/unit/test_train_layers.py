"""The accelerated networks against the plain ones, in float64."""

import copy

import pytest
import torch
from torch import nn
from train_cases import outputs_and_gradients, tiny

from virtual_staining.models.build import build_generators
from virtual_staining.models.facts import GeneratorSpec
from virtual_staining.models.fast.accelerate import accelerate
from virtual_staining.models.fast.layers import InstanceNorm, ReflectionPad, reflect
from virtual_staining.models.initialization import initialize
from virtual_staining.models.model import uses_bfloat16
from virtual_staining.models.networks import build_generator, patchgan

FORMATS = [torch.contiguous_format, torch.channels_last]


def assert_equal(plain, layout, shape=(3, 4, 6, 8)):
    """Compare output, which is returned, and gradients with those of the accelerated copy."""
    plain = plain.double().eval()
    fast = accelerate(copy.deepcopy(plain))
    torch.manual_seed(1)
    image = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    results = list(outputs_and_gradients(fast, plain, image))
    for a, b in results:
        torch.testing.assert_close(a, b, atol=1e-11, rtol=1e-11)
    return results[0][0]


@pytest.mark.parametrize("layout", FORMATS)
def test_doubling_and_a_3_x_3_convolution(layout):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 5, 3, padding=1))
    assert assert_equal(layers, layout).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", FORMATS)
def test_doubling_and_a_4_x_4_convolution(layout):
    torch.manual_seed(0)
    pad = nn.ZeroPad2d((1, 0, 1, 0))
    assert_equal(
        nn.Sequential(nn.Upsample(scale_factor=2), pad, nn.Conv2d(4, 5, 4, padding=1)), layout
    )


@pytest.mark.parametrize("layout", FORMATS)
def test_instance_norm(layout):
    out = assert_equal(nn.Sequential(nn.InstanceNorm2d(4)), layout)
    assert out.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", FORMATS)
def test_reflection_pad(layout):
    out = assert_equal(nn.Sequential(nn.ReflectionPad2d(3)), layout)
    assert out.is_contiguous(memory_format=layout)
    image = torch.randn(2, 3, 5, 6)
    assert torch.equal(reflect(reflect(image, 3, 3), 3, 2), ReflectionPad(3)(image))


def test_other_convolutions_after_a_doubling_stay_plain():
    torch.manual_seed(0)
    for conv in (nn.Conv2d(4, 5, 5, padding=2), nn.Conv2d(4, 5, 4, padding=1)):
        assert_equal(nn.Sequential(nn.Upsample(scale_factor=2), conv), FORMATS[0])


@pytest.mark.parametrize("norm", ["instance", "pixel"])
@pytest.mark.parametrize(
    "spec", [("resnet", 4, 1, "half"), ("unet", 4, 5, "half"), ("unet", 4, 5, "full")]
)
def test_generators(spec, norm):
    torch.manual_seed(0)
    network, features, depth, head = spec
    generator = build_generator(GeneratorSpec(network, features, depth, norm, head))
    assert_equal(initialize(generator), FORMATS[0], (2, 3, 32, 64))


@pytest.mark.parametrize("kind", ["patchgan_70", "linder_noren_94"])
def test_discriminators(kind):
    torch.manual_seed(0)
    assert_equal(initialize(patchgan(kind, 4)), FORMATS[0], (2, 3, 64, 64))


def test_a_fast_network_stays_fast_and_keeps_its_weights():
    torch.manual_seed(0)
    network = build_generators(tiny())["slide"]
    weights = list(network.parameters())
    once = [type(layer) for layer in accelerate(network).modules()]
    assert [type(layer) for layer in accelerate(network).modules()] == once
    assert all(a is b for a, b in zip(network.parameters(), weights, strict=True))


def test_gradient_of_the_norm_in_bfloat16_is_close():
    torch.manual_seed(0)
    image, weight = torch.randn(2, 2, 4, 8, 8)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        x = image.clone().to(dtype).requires_grad_()
        (InstanceNorm(4)(x) * weight.to(dtype)).sum().backward()
        gradients.append(x.grad.float())
    torch.testing.assert_close(*gradients, atol=0.1, rtol=0.05)


def test_precision(monkeypatch):
    cpu = torch.device("cpu")
    assert uses_bfloat16("bf16", cpu) and not uses_bfloat16("fp32", cpu)
    for amx in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda amx=amx: {"amx_bf16": amx})
        assert uses_bfloat16("auto", cpu) == amx
    for capability in ((7, 5), (8, 0), (9, 0)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert uses_bfloat16("auto", torch.device("cuda")) == (capability >= (8, 0))
