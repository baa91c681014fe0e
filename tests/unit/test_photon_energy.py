"""Training patches as another photon energy would show them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from train_cases import make_pair

from virtual_staining.cohort.specimen.attenuation import attenuation_per_mm
from virtual_staining.imaging.intensity import ct_window
from virtual_staining.imaging.sampling.photon_energy import at_another_energy
from virtual_staining.imaging.sampling.sampler import Sampler

BACKGROUND, BONE = 10000.0, 30000.0


def warped(grey, light):
    one = [torch.tensor(float(v)).view(1, 1, 1, 1) for v in (light, BACKGROUND, BONE)]
    return at_another_energy(torch.as_tensor(grey, dtype=torch.float32).view(1, 1, 1, -1), *one)


@pytest.mark.parametrize("matter", ["dry marrow", "PEEK", "woven bone"])
def test_matter_moves_with_the_energy_by_one_factor(matter):
    """The factor that takes dry soft tissue from 28 to 38 keV takes other matter there."""

    def share(name, kev):
        return attenuation_per_mm(name, kev) / attenuation_per_mm("cortical bone", kev)

    soft = [share("dry soft tissue", kev) for kev in (28, 38)]
    light = (soft[1] / soft[0]) ** (1 / (1 - soft[0]))
    before, after = (share(matter, kev) for kev in (28, 38))
    grey = warped([BACKGROUND + (BONE - BACKGROUND) * before], light).item()
    assert (grey - BACKGROUND) / (BONE - BACKGROUND) == pytest.approx(after, rel=0.1)


@given(light=st.floats(0.4, 2.5))
def test_order_is_kept_and_references_stay(light):
    greys = np.linspace(0, 65535, 2000)
    out = warped(greys, light).flatten().numpy()
    assert (np.diff(out) > 0).all()
    metal = greys >= BONE
    np.testing.assert_allclose(out[metal], greys[metal], rtol=1e-5)
    references = warped([BACKGROUND, BONE], light).flatten().numpy()
    np.testing.assert_allclose(references, [BACKGROUND, BONE], rtol=1e-5)


def test_no_change_leaves_the_greys():
    greys = np.linspace(0, 65535, 100)
    np.testing.assert_allclose(warped(greys, 1.0).flatten().numpy(), greys, atol=0.01)


def sampler(energy_jitter, levels=(BACKGROUND, BONE)):
    pair = replace(make_pair(0), levels=levels)
    return Sampler([pair], 32, 6, 0.0, 0.0, True, 0.0, ct_window(50000), "cpu", 0.0, energy_jitter)


def test_only_the_ct_of_a_patch_changes():
    plain, changed = sampler(0.0), sampler(0.5)
    rows = slice(0, 6)
    plan = changed.plan(1, 1)
    before, after = plain.batch(plain.plan(1, 1), rows), changed.batch(plan, rows)
    assert torch.equal(before.slide, after.slide) and torch.equal(before.mask, after.mask)
    assert plan.light.min() >= 1 / 1.5 and plan.light.max() <= 1.5 and plan.light.std() > 0.05
    for n in range(rows.stop):
        grey = (before.ct[n, :1] + 1) * 25000
        expected = warped(grey.flatten(), plan.light[n]).view(grey.shape) / 25000 - 1
        torch.testing.assert_close(after.ct[n, :1], expected.clip(-1, 1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("levels", [(9000.0, 28000.0)])
def test_levels_are_those_of_the_pair(levels):
    one, other = sampler(0.5), sampler(0.5, levels)
    batches = [s.batch(s.plan(1, 1), slice(0, 6)).ct for s in (one, other)]
    assert not torch.equal(*batches)
