"""Equations (1)–(10) against NumPy by hand."""

import numpy as np
import pytest
import torch

from virtual_staining.models import losses

rng = np.random.default_rng(0)
X, Y, FAKE_X, FAKE_Y, REC_X, REC_Y = (rng.uniform(-1, 1, (2, 3, 5, 4)) for _ in range(6))
MASK = (rng.uniform(size=(2, 1, 5, 4)) > 0.4).astype(float)
OVER = ["all_pixels", "masked_pixels"]


def t(*arrays):
    return [torch.from_numpy(a) for a in arrays]


def l1(a, b, over):
    total = sum(
        abs(a[n, c, i, j] - b[n, c, i, j])
        for n, c, i, j in np.ndindex(a.shape)
        if MASK[n, 0, i, j] == 1
    )
    pixels = a.size if over == "all_pixels" else MASK.sum() * a.shape[1]
    return total / pixels


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("term", ["cycle_loss", "identity_loss", "pixel_loss", "l1_loss"])
def test_l1_terms(term, over):
    value = getattr(losses, term)(*t(FAKE_Y, Y, MASK), over)
    assert value.item() == pytest.approx(l1(FAKE_Y, Y, over))


@pytest.mark.parametrize("over", OVER)
def test_greyscale(over):
    r, g, b = (FAKE_X[:, c : c + 1] for c in range(3))
    expected = l1(r, g, over) + l1(r, b, over) + l1(g, b, over)
    assert losses.greyscale_loss(*t(FAKE_X, MASK), over).item() == pytest.approx(expected)
    grey = np.repeat(r, 3, axis=1)
    assert losses.greyscale_loss(*t(grey, MASK), over).item() == 0


def test_adversarial_terms():
    sx, sy = rng.normal(size=(2, 1, 3, 3)), rng.normal(size=(2, 1, 3, 3))
    assert losses.gan_loss(*t(sx)).item() == pytest.approx(((sx - 1) ** 2).mean())
    expected = (((sx - 1) ** 2).mean() + (sy**2).mean()) / 2
    assert losses.discriminator_loss(*t(sx, sy)).item() == pytest.approx(expected)


def test_totals():
    assert losses.total_unpaired(2.0, 3.0, 5.0, 6, 3) == 2 + 18 + 15
    assert losses.total_paired(35.0, 7.0, 11.0, 6, 1) == 35 + 42 + 11
    assert losses.total_pix2pix(2.0, 3.0, 20) == 62


@pytest.mark.parametrize("over", OVER)
def test_nothing_outside_the_mask_counts(over):
    x, mask = t(X, MASK)
    other = torch.where(mask == 1, x, torch.full_like(x, 7.0))
    assert losses.masked_l1(x, other, mask, over).item() == 0
    assert losses.masked_l1(x, other, torch.zeros_like(mask), over).item() == 0
