"""Whole trainings: what makes a step faster leaves the course of the losses as it was."""

import pytest
import torch
from train_cases import make_pair, tiny

from virtual_staining.imaging.intensity import ct_window
from virtual_staining.imaging.sampling.sampler import Batch, Sampler
from virtual_staining.models.build import build_model
from virtual_staining.models.fast import winograd


def total_losses(model, steps, dtype=torch.float32):
    """Train on two pairs; return the total loss of each step."""
    pairs = [make_pair(0), make_pair(1)]
    sampler = Sampler(pairs, 32, steps, 0.1, 0.1, True, 0.0, ct_window(50000), "cpu")
    plan = sampler.plan(1, 1)
    losses = []
    for n in range(steps):
        batch = sampler.batch(plan, slice(2 * n, 2 * n + 2))
        images = (batch.ct, batch.slide, batch.mask)
        losses.append(model.step(Batch(*(image.to(dtype) for image in images)), n))
    return torch.stack(losses)[:, list(model.components).index("total")]


def new_model(**changes):
    settings = tiny(features=8, learning_rate=0.0003, buffer_images=0, **changes)
    return build_model(settings, torch.device("cpu"))


@pytest.fixture
def float64():
    """Build networks in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_bfloat16_trains_as_float32_does():
    """The first loss differs by the rounding of bfloat16 alone; then both fall.

    Later losses are not compared: training enlarges any rounding, and nothing bounds by how much.
    """
    curves = []
    for precision in ("fp32", "bf16"):
        model = new_model(precision=precision)
        curves.append(total_losses(model, 60))
        assert all(p.dtype == torch.float32 for p in model.generators.parameters())
    plain, fast = curves
    assert not torch.equal(fast, plain)
    torch.testing.assert_close(fast[0], plain[0], rtol=2**-7, atol=0)
    for curve in curves:
        assert curve[-15:].mean() < 0.75 * curve[:15].mean()


def test_fast_networks_train_as_the_plain_ones_do(monkeypatch, float64):
    """In float64 rounding is so small that even training does not enlarge it beyond notice."""
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 1)
    monkeypatch.setattr(winograd, "BLOCK_TILES", 6)
    fast = total_losses(new_model(), 20, torch.float64)
    monkeypatch.setattr("virtual_staining.models.model.accelerate", lambda network: network)
    plain = total_losses(new_model(), 20, torch.float64)
    assert not torch.equal(fast, plain)
    assert plain[-1] < 0.9 * plain[0]
    torch.testing.assert_close(fast, plain, rtol=1e-7, atol=0)
