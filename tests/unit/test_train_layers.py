"""The fast forms of the layers against the library's plain ones, in float64."""

import copy

import pytest
import torch
from torch import nn
from train_cases import tiny

from virtual_staining.models.build import build_generators
from virtual_staining.models.fast.layers import DoublingConv2d, InstanceNorm, ReflectionPad, reflect
from virtual_staining.models.model import uses_bfloat16
from virtual_staining.models.networks import initialize

FORMATS = [torch.contiguous_format, torch.channels_last]


def assert_equal(fast, plain, layout, shape=(3, 4, 6, 8)):
    """Same output, which is returned, and same gradients of the image and of the weights."""
    torch.manual_seed(1)
    image = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    results = []
    for module in (fast, plain):
        x = image.clone().requires_grad_()
        out = module(x)
        # A gradient that comes in the other memory format, too.
        out.mul(
            torch.linspace(0, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
        ).sum().backward()
        results.append([out, x.grad, *[p.grad for p in module.parameters()]])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, atol=1e-11, rtol=1e-11)
    return results[0][0]


def from_plain(network):
    """Restate a network with the library's layers, on copies of its weights."""
    plain = copy.deepcopy(network)
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, InstanceNorm):
                setattr(parent, name, nn.InstanceNorm2d(1, affine=False))
            elif isinstance(child, ReflectionPad):
                setattr(parent, name, nn.ReflectionPad2d(child.width))
            elif isinstance(child, DoublingConv2d):
                setattr(parent, name, plain_doubling(child))
    return plain


def plain_doubling(module):
    size = module.kernel_size[0]
    convolution = nn.Conv2d(module.in_channels, module.out_channels, size).to(module.weight)
    convolution.load_state_dict(module.state_dict())
    pad = nn.ZeroPad2d((size - 2, 1, size - 2, 1))
    return nn.Sequential(nn.Upsample(scale_factor=2), pad, convolution)


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("size", [3, 4])
def test_doubling_convolution(layout, size):
    torch.manual_seed(0)
    fast = DoublingConv2d(4, 5, size).double()
    assert set(fast.state_dict()) == {"weight", "bias"}
    assert fast.weight.shape == (5, 4, size, size)
    out = assert_equal(fast, plain_doubling(fast), layout)
    assert size == 4 or out.is_contiguous(memory_format=layout)  # with 4 it is cropped


@pytest.mark.parametrize("layout", FORMATS)
def test_instance_norm(layout):
    out = assert_equal(InstanceNorm(), nn.InstanceNorm2d(4), layout)
    assert out.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", FORMATS)
def test_reflection_pad(layout):
    out = assert_equal(ReflectionPad(3), nn.ReflectionPad2d(3), layout)
    assert out.is_contiguous(memory_format=layout)
    image = torch.randn(2, 3, 5, 6)
    assert torch.equal(reflect(reflect(image, 3, 3), 3, 2), ReflectionPad(3)(image))


@pytest.mark.filterwarnings("ignore:input.s size at dim=1")
@pytest.mark.parametrize("model", ["cyclegan", "pix2pix"])
def test_generators_equal_the_plain_layers(model):
    torch.manual_seed(0)
    network = initialize(build_generators(tiny(model))["slide"]).double().eval()
    assert_equal(network, from_plain(network), FORMATS[0], (2, 3, 32, 64))


def test_gradient_of_the_norm_in_bfloat16_is_close():
    torch.manual_seed(0)
    image, weight = torch.randn(2, 2, 4, 8, 8)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        x = image.clone().to(dtype).requires_grad_()
        (InstanceNorm()(x) * weight.to(dtype)).sum().backward()
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
