"""The convolutions as matrix products against the library's own."""

import pytest
import torch
from torch import nn
from train_cases import outputs_and_gradients, tiny

from virtual_staining.models.build import build_model
from virtual_staining.models.fast import im2col
from virtual_staining.models.fast.im2col import MatrixConv2d, MatrixConvTranspose2d

LAST = torch.channels_last
SHAPE = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}
KINDS = {MatrixConv2d: nn.Conv2d, MatrixConvTranspose2d: nn.ConvTranspose2d}


def taken(monkeypatch):
    """Return a list that grows with each call of the fast way."""
    calls = []
    for way in (im2col._Halve, im2col._Double):
        apply = way.apply
        monkeypatch.setattr(way, "apply", lambda *a, apply=apply: calls.append(a) or apply(*a))
    return calls


def compare(fast, image):
    """Return output and gradients of the layer as it is, and as the library computes it."""
    sizes = fast.in_channels, fast.out_channels
    return outputs_and_gradients(fast, KINDS[type(fast)](*sizes, **SHAPE), image)


@pytest.mark.parametrize("layout", [torch.contiguous_format, LAST])
@pytest.mark.parametrize("sides", [(2, 2), (6, 4), (4, 10)])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_library_in_float64(monkeypatch, kind, sides, layout):
    torch.manual_seed(0)
    calls = taken(monkeypatch)
    fast = kind(90, 80, **SHAPE).double().to(memory_format=LAST)
    shape = (1, 90, *sides)
    image = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    (out, _), (image_gradient, _), (weight_gradient, _) = results = list(compare(fast, image))
    for a, b in results:
        torch.testing.assert_close(a, b, atol=1e-11, rtol=1e-11)
    assert len(calls) == 1
    # Nothing after it has to bring its results into another order.
    assert out.is_contiguous(memory_format=LAST)
    assert weight_gradient.is_contiguous(memory_format=LAST)
    assert image_gradient.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("kind", KINDS)
def test_takes_the_librarys_way_elsewhere(monkeypatch, kind):
    """With more pixels than weights, odd sides, weights stored otherwise, and in bfloat16."""
    calls = taken(monkeypatch)
    stored = kind(16, 16, **SHAPE).to(memory_format=LAST)
    for layer, shape in ((stored, (2, 16, 16, 16)), (kind(16, 16, **SHAPE), (1, 16, 4, 4))):
        for a, b in compare(layer, torch.randn(shape)):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    assert stored(torch.randn(1, 16, 5, 5)).shape[2] == (2 if kind is MatrixConv2d else 10)
    calls = [x for x, _ in calls if x.shape[2] == 4]
    with torch.autocast("cpu", torch.bfloat16):
        assert stored(torch.randn(1, 16, 4, 4)).dtype == torch.bfloat16
    assert not calls


def test_a_unet_takes_it_in_its_depth_only(monkeypatch):
    """From the levels where the columns are fewer than the weights, down to one pixel and back."""
    calls = taken(monkeypatch)
    model = build_model(tiny("pix2pix", features=8, unet_depth=5), torch.device("cpu"))
    image = torch.randn(2, 3, 32, 32).contiguous(memory_format=LAST)
    model.generators["slide"](image)
    sides = [x.shape[2] for x, _ in calls]
    assert sides == [8, 4, 2, 1, 2, 4]
    assert all(x.is_contiguous(memory_format=LAST) for x, _ in calls)
