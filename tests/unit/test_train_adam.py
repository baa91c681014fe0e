"""The optimizer against the library's own."""

import copy

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from train_cases import tiny

from virtual_staining.models.build import build_model
from virtual_staining.models.fast.adam import StoredOrderAdam

FORMATS = [torch.contiguous_format, torch.channels_last]


def networks(layout):
    """Return two of the same: a kernel, a transposed one, and biases."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 4), nn.ConvTranspose2d(6, 5, 3)).double()
    network = network.to(memory_format=layout)
    return network, copy.deepcopy(network)


@pytest.mark.parametrize("layout", FORMATS)
def test_equals_the_library(layout):
    ours, plain = networks(layout)
    options = {"lr": 0.01, "betas": (0.5, 0.999)}
    optimizers = [
        StoredOrderAdam(ours.parameters(), **options),
        torch.optim.Adam(plain.parameters(), fused=False, foreach=False, **options),
    ]
    for seed in range(4):
        image = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed)).double()
        for network, optimizer in zip((ours, plain), optimizers, strict=True):
            optimizer.zero_grad()
            assert all(p.grad is None for p in network.parameters())
            network(image).square().sum().backward()
            optimizer.step()
        if seed == 1:  # and goes on from a saved state
            state = copy.deepcopy(optimizers[0].state_dict())
            optimizers[0] = StoredOrderAdam(ours.parameters(), **options)
            optimizers[0].load_state_dict(state)
    for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)


def test_networks_stay_in_channels_last_and_no_gradient_is_copied():
    model = build_model(tiny(features=8), torch.device("cpu"))
    weights = list(model.generators.parameters())
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer = model.optimizers["generators"]
    optimizer.step()
    largest = max(weight.numel() for weight in weights)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        optimizer.step()
    copied = [event.input_shapes[0] for event in seen.events() if event.name == "aten::copy_"]
    assert all(torch.Size(shape).numel() < largest for shape in copied)
    kernels = [weight for weight in weights if weight.dim() == 4]
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in kernels)
