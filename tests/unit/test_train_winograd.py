"""The 3 × 3 convolution of few multiplications against the library's own."""

import pytest
import torch
from torch import nn
from train_cases import outputs_and_gradients

from virtual_staining.models.fast import winograd
from virtual_staining.models.fast.winograd import WinogradConv2d

FORMATS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture
def everywhere(monkeypatch):
    """Take the fast way whatever the channels, in blocks that leave a rest."""
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 1)
    monkeypatch.setattr(winograd, "BLOCK_TILES", 6)


def compare(fast, image):
    """Return output and gradients of the layer as it is, and as the library computes it."""
    return outputs_and_gradients(fast, nn.Conv2d(fast.in_channels, fast.out_channels, 3), image)


def taken(monkeypatch):
    """Return a list that grows with each call of the fast way."""
    calls, apply = [], winograd._Winograd.apply
    monkeypatch.setattr(winograd._Winograd, "apply", lambda *a: calls.append(a) or apply(*a))
    return calls


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("shape", [(1, 3, 6, 6), (2, 5, 10, 18), (3, 4, 18, 14)])
def test_equals_the_library_in_float64(everywhere, monkeypatch, layout, shape):
    torch.manual_seed(0)
    calls = taken(monkeypatch)
    image = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    for a, b in compare(WinogradConv2d(shape[1], 7, 3).double(), image):
        torch.testing.assert_close(a, b, atol=1e-11, rtol=1e-11)
    assert len(calls) == 1


def test_rounding_in_float32_at_full_width(monkeypatch):
    torch.manual_seed(0)
    calls = taken(monkeypatch)
    image = torch.randn(1, 256, 34, 34).contiguous(memory_format=torch.channels_last)
    fast = WinogradConv2d(256, 256, 3).to(memory_format=torch.channels_last)
    for a, b in compare(fast, image):
        assert (a - b).norm() < 1e-5 * b.norm()
    assert len(calls) == 1


def test_takes_the_plain_way_where_the_other_is_slower_or_does_not_fit(monkeypatch):
    calls = taken(monkeypatch)
    torch.manual_seed(0)
    wide, narrow = WinogradConv2d(256, 256, 3), WinogradConv2d(128, 256, 3)
    for layer, shape in ((wide, (1, 256, 9, 10)), (narrow, (1, 128, 10, 10))):
        out = layer(torch.randn(shape))
        assert out.shape == (1, 256, shape[2] - 2, shape[3] - 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert wide(torch.randn(1, 256, 10, 10)).dtype == torch.bfloat16
    assert not calls


def test_same_result_every_time(everywhere):
    torch.manual_seed(0)
    layer, image = WinogradConv2d(16, 16, 3), torch.randn(2, 16, 34, 34)
    first, second = ([t.clone() for t, _ in compare(layer, image)] for _ in "ab")
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
