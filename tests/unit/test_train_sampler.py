"""Patches: one geometry for all images, chance from (seed, epoch) alone, colours kept."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from train_cases import make_pair

from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.intensity import ct_to_network, ct_window, slide_to_network
from virtual_staining.imaging.sampling import resident
from virtual_staining.imaging.sampling.sampler import Sampler, jitter_colour, jitter_grey

WINDOW = ct_window(50000)


def sampler(pairs, patch=32, count=8, rescale=0.1, jitter=0.0, flips=True, fraction=0.0):
    return Sampler(pairs, patch, count, rescale, jitter, flips, fraction, WINDOW, "cpu")


def coordinates(shape=(90, 70)):
    """A pair whose grey level and colours say where a pixel lies."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    slide = np.stack([x * 2, y * 2, x + y], axis=2).astype(np.uint8)
    return TrainingPair("a", (y * 500).astype(np.uint16), slide, x < 30)


def test_one_geometry_for_ct_slide_and_mask():
    s = sampler([coordinates()], count=40)
    plan = s.plan(1, 1)
    batch = s.batch(plan, slice(None))
    y = (batch.ct[:, 0] + 1) * 50
    y_slide, x = ((batch.slide[:, c] + 1) * 127.5 / 2 for c in (1, 0))
    torch.testing.assert_close(y, y_slide, atol=2e-2, rtol=0)
    away = (x - 29.5).abs() > 0.6  # the mask takes the nearest pixel, colours are interpolated
    assert ((batch.mask[:, 0] == 1) == (x < 29.5))[away].all()
    # Along each axis the step is 1 / zoom, with the sign of the flip.
    steps = np.stack([y.diff(dim=1).mean((1, 2)), x.diff(dim=2).mean((1, 2))], axis=1)
    np.testing.assert_allclose(steps, np.where(plan.flip, -1, 1) / plan.zoom[:, None], atol=2e-2)
    corner = torch.stack([y.amin((1, 2)), x.amin((1, 2))], 1).numpy()
    expected = np.stack([plan.y_px, plan.x_px], 1) + 0.5 / plan.zoom[:, None] - 0.5
    np.testing.assert_allclose(corner, expected.clip(0), atol=3e-2)
    assert plan.flip.any(0).all() and not plan.flip.all(0).any()
    assert 0.9 <= plan.zoom.min() < 0.93 and 1.07 < plan.zoom.max() <= 1.1


def test_unaugmented_patches_copy_the_pixels():
    pair = make_pair(1, (40, 40))
    s = sampler([pair], rescale=0.0, flips=False)
    plan = s.plan(1, 1)
    batch = s.batch(plan, slice(0, 3))
    for n in range(3):
        where = tuple(slice(int(v), int(v) + 32) for v in (plan.y_px[n], plan.x_px[n]))
        np.testing.assert_allclose(batch.ct[n, 0], ct_to_network(pair.ct[where], WINDOW), atol=1e-5)
        expected = np.moveaxis(slide_to_network(pair.slide[where]), 2, 0)
        np.testing.assert_allclose(batch.slide[n], expected, atol=1e-4)
        np.testing.assert_array_equal(batch.mask[n, 0], pair.mask[where])


def test_patches_depend_on_seed_and_epoch_alone():
    pairs = [make_pair(i) for i in range(3)]
    one, two = sampler(pairs, jitter=0.1), sampler(pairs, jitter=0.1)
    one.batch(one.plan(1, 4), slice(0, 5))
    a, b = one.plan(1, 5), two.plan(1, 5)
    for x, y in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_array_equal(x, y)
    whole, part = one.batch(a, slice(None)), two.batch(b, slice(6, 9))
    torch.testing.assert_close(whole.slide[6:9], part.slide)
    assert not np.array_equal(a.y_px, one.plan(2, 5).y_px)
    assert not np.array_equal(a.y_px, one.plan(1, 6).y_px)
    np.testing.assert_array_equal(np.bincount(a.pair), [8, 8, 8])


def test_sixteen_bit_levels_survive():
    ct = np.full((40, 40), 45001, np.uint16)
    pair = TrainingPair("a", ct, np.zeros((40, 40, 3), np.uint8), np.ones((40, 40), bool))
    s = sampler([pair])
    batch = s.batch(s.plan(1, 1), slice(0, 2))
    torch.testing.assert_close(batch.ct, torch.full_like(batch.ct, 45001 / 25000 - 1))


@pytest.mark.parametrize("shape", [(10, 10), (20, 60), (33, 32)])
def test_pairs_smaller_than_a_patch_grow_outside_the_mask(shape):
    pair = TrainingPair(
        "a",
        np.full(shape, 30000, np.uint16),
        np.full((*shape, 3), 100, np.uint8),
        np.ones(shape, bool),
    )
    s = sampler([pair], rescale=0.0, flips=False, count=200)
    batch = s.batch(s.plan(1, 1), slice(None))
    torch.testing.assert_close(batch.ct, torch.full_like(batch.ct, 0.2))
    area = batch.mask.sum((1, 2, 3))
    assert area.max() <= min(shape[0], 32) * min(shape[1], 32)
    assert area.max() > 0


@pytest.mark.parametrize("make", [Sampler.cut, Sampler.interpolate])
def test_pixels_outside_the_mask_weigh_what_is_asked(monkeypatch, make):
    """Columns below 30 are mask, above 50 unknown; what is padded counts for nothing either."""
    monkeypatch.setattr(Sampler, "cut", make)
    pair = coordinates((90, 70))
    known = np.broadcast_to(np.arange(70) < 50, pair.mask.shape)
    pair = dataclasses.replace(pair, outside=known & ~pair.mask)
    s = Sampler([pair], 80, 20, 0.0, 0.0, False, 0.0, WINDOW, "cpu", outside_weight=0.25)
    batch = s.batch(s.plan(1, 1), slice(None))
    x = (batch.slide[:, 0] + 1) * 127.5 / 2
    inside, beside = x < 29.5, (x > 29.5) & (x < 49.5)
    sure = ((x - 29.5).abs() > 0.6) & ((x - 49.5).abs() > 0.6)
    sure[:, :, 70:] = False
    expected = torch.where(inside, 1.0, torch.where(beside, 0.25, 0.0))
    assert torch.equal(batch.mask[:, 0][sure], expected[sure])
    assert batch.mask[..., 71:].max() == 0
    assert set(batch.mask.unique().tolist()) == {0.0, 0.25, 1.0}


def test_least_mask_fraction():
    pair = TrainingPair(
        "a",
        np.zeros((200, 200), np.uint16),
        np.zeros((200, 200, 3), np.uint8),
        np.mgrid[:200, :200][0] < 60,
    )
    free, bound = sampler([pair], count=60), sampler([pair], count=60, fraction=0.5)
    assert free.batch(free.plan(1, 1), slice(None)).mask.mean((1, 2, 3)).min() == 0
    assert bound.batch(bound.plan(1, 1), slice(None)).mask.mean((1, 2, 3)).min() > 0.45


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.9, 1.1), st.floats(0.9, 1.1))
def test_colour_jitter_keeps_the_ratios(seed, contrast, brightness):
    rgb = torch.from_numpy(np.random.default_rng(seed).uniform(1, 255, (2, 3, 6, 5)))
    factors = (torch.full((2, 1, 1, 1), v, dtype=rgb.dtype) for v in (contrast, brightness))
    out = jitter_colour(rgb, *factors)
    # Multiplied out, since a dark pixel may become black.
    torch.testing.assert_close(out * rgb.sum(1, keepdim=True), rgb * out.sum(1, keepdim=True))
    assert out.max() <= 255 + 1e-9


def test_jitter_of_known_levels():
    ct = torch.tensor([[10.0, 30.0]]).reshape(1, 1, 1, 2)
    factor = [torch.full((1, 1, 1, 1), v) for v in (1.1, 0.9)]
    torch.testing.assert_close(jitter_grey(ct, *factor).flatten(), torch.tensor([8.1, 27.9]))
    rgb = torch.tensor([20.0, 40.0, 60.0]).reshape(1, 3, 1, 1)
    out = jitter_colour(rgb, *factor)  # one pixel: no contrast to change
    torch.testing.assert_close(out.flatten(), torch.tensor([18.0, 36.0, 54.0]))


def test_ct_and_slide_are_jittered_apart():
    s = sampler([make_pair(0)], jitter=0.1)
    gain = s.plan(1, 1).gain
    assert gain.min() >= 0.9 and gain.max() <= 1.1
    assert np.abs(np.corrcoef(np.vstack([s.plan(1, e).gain for e in range(200)]).T)).sum() < 5


@pytest.mark.parametrize("shape", [(90, 70), (20, 60)])
def test_both_ways_of_cutting_agree(shape):
    s = sampler([make_pair(n, shape) for n in range(3)], jitter=0.1, count=20)
    plan = s.plan(1, 1)
    ct, slide, mask = s.cut(plan, slice(0, 60))
    other_ct, other_slide, other_mask = s.interpolate(plan, slice(0, 60))
    # Positions are float64 in one and float32 in the other.
    torch.testing.assert_close(ct, other_ct, atol=2e-4, rtol=0)
    torch.testing.assert_close(slide, other_slide, atol=2e-4, rtol=0)
    assert (mask == other_mask).float().mean() > 0.9995


def placed(monkeypatch, device, share):
    """A sampler whose device has just enough free memory for ``share`` of the images."""
    pairs = [make_pair(n) for n in range(3)]
    need = 6 * sum(pair.ct.size for pair in pairs)
    monkeypatch.setattr(resident, "free_bytes", lambda _: share * need / resident.LARGEST_SHARE)
    return Sampler(pairs, 32, 8, 0.1, 0.1, True, 0.0, WINDOW, device)


@pytest.mark.parametrize(("share", "place"), [(1.0, "meta"), (0.99, "cpu")])
def test_images_that_crowd_the_device_stay_in_host_memory(monkeypatch, caplog, share, place):
    """The device here holds shapes only, so that it cannot be mixed up with the host."""
    caplog.set_level("INFO")
    s = placed(monkeypatch, "meta", share)
    assert {t.device.type for i in s.images for t in (i.ct, i.rest)} == {place}
    assert ("stay in host memory" in caplog.text) == (place == "cpu")
    batch = s.batch(s.plan(1, 1), slice(0, 5))
    shapes = {name: (image.device.type, *image.shape) for name, image in vars(batch).items()}
    images, mask = ("meta", 5, 3, 32, 32), ("meta", 5, 1, 32, 32)
    assert shapes == {"ct": images, "slide": images, "mask": mask}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU to hold the images")
def test_patches_do_not_depend_on_where_the_images_lie(monkeypatch):
    on_device, beside = (placed(monkeypatch, "cuda", share) for share in (1.0, 0.5))
    assert on_device.images[0].ct.is_cuda and not beside.images[0].ct.is_cuda
    plan = on_device.plan(1, 1)
    for a, b in zip(
        vars(on_device.batch(plan, slice(None))).values(),
        vars(beside.batch(plan, slice(None))).values(),
        strict=True,
    ):
        assert torch.equal(a, b)
