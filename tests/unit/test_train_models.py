"""A step of each model against the plain formulation, and the image buffer."""

import copy
from types import SimpleNamespace

import pytest
import torch
from train_cases import make_pair, tiny

from virtual_staining.imaging.intensity import ct_window
from virtual_staining.imaging.sampling.sampler import Sampler
from virtual_staining.models.build import build_generators, build_model
from virtual_staining.models.catalogue import all_models
from virtual_staining.models.fast import winograd
from virtual_staining.models.image_buffer import ImageBuffer

PAPER = ["paired_cyclegan", "pix2pix", "cyclegan_inverted", "cyclegan"]
CPU = torch.device("cpu")
l1 = torch.nn.functional.l1_loss
mse = torch.nn.functional.mse_loss


def a_batch(patch=32):
    pairs = [make_pair(0), make_pair(1)]
    sampler = Sampler(pairs, patch, 2, 0.1, 0.1, True, 0.0, ct_window(50000), CPU)
    return sampler.batch(sampler.plan(1, 1), slice(0, 3))


def double(batch):
    return type(batch)(*(image.double() for image in vars(batch).values()))


def without_dropout(model):
    """The plain networks store images in another order and would drop other pixels."""
    for module in model.generators.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


def plain_model(model):
    """Return networks of the library's layers with the model's weights, without dropout."""
    plain = SimpleNamespace(settings=model.settings)
    plain.generators = build_generators(model.settings)
    plain.discriminators = model.build_discriminators()
    for key in ("generators", "discriminators"):
        getattr(plain, key).load_state_dict(getattr(model, key).state_dict())
    without_dropout(plain)
    return plain


def plain_cyclegan_step(model, batch, optimizers):
    """The step as one would write it first: every pass and every image on its own."""
    s, m = model.settings, batch.mask
    to_y, to_x = model.generators["slide"], model.generators["ct"]
    d_x, d_y = model.discriminators["ct"], model.discriminators["slide"]
    x, y = (-batch.ct if s.model == "cyclegan_inverted" else batch.ct), batch.slide

    def scored(d, image, target):
        score = d(image)
        return mse(score, torch.full_like(score, target))

    for o in optimizers.values():
        o.zero_grad()
    fake_y, fake_x = to_y(x), to_x(y)
    gan = (scored(d_x, fake_x, 1.0) + scored(d_y, fake_y, 1.0)) / 2
    cyc = (l1(to_x(fake_y) * m, x * m) + l1(to_y(fake_x) * m, y * m)) / 2
    id_ = (l1(to_y(y) * m, y * m) + l1(to_x(x) * m, x * m)) / 2
    total = gan + 6 * cyc + s.lambda_id * id_
    if s.model == "paired_cyclegan":
        r, g, b = ((fake_x * m)[:, c] for c in range(3))
        total = total + 6 * (l1(fake_y * m, y * m) + l1(fake_x * m, x * m)) / 2
        total = total + l1(r, g) + l1(r, b) + l1(g, b)
    total.backward()
    optimizers["generators"].step()
    optimizers["discriminators"].zero_grad()
    for d, real, fake in ((d_x, x, fake_x), (d_y, y, fake_y)):
        ((scored(d, real, 1.0) + scored(d, fake.detach(), 0.0)) / 2).backward()
    optimizers["discriminators"].step()
    return total


def plain_pix2pix_step(model, batch, optimizers):
    """As above, for Pix2Pix."""
    g, d = model.generators["slide"], model.discriminators["slide"]
    x, y, m = batch.ct, batch.slide, batch.mask
    for o in optimizers.values():
        o.zero_grad()
    fake = g(x)
    score = d(torch.cat([x, fake], 1))
    total = mse(score, torch.ones_like(score)) + 20 * l1(fake * m, y * m)
    total.backward()
    optimizers["generators"].step()
    optimizers["discriminators"].zero_grad()
    real, generated = d(torch.cat([x, y], 1)), d(torch.cat([x, fake.detach()], 1))
    (
        mse(real, torch.ones_like(real)) / 2 + mse(generated, torch.zeros_like(generated)) / 2
    ).backward()
    optimizers["discriminators"].step()
    return total


@pytest.mark.parametrize("name", PAPER)
def test_steps_equal_the_plain_formulation(name, monkeypatch):
    """Three of Adam's steps, in float64, without old images shown.

    The gradient of a bias before a norm is 0 but for rounding, which Adam enlarges to 1e-9.
    """
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 1)
    torch.set_default_dtype(torch.float64)
    try:
        model = build_model(tiny(name, unet_depth=4, buffer_images=0), CPU)
        without_dropout(model)
        plain = plain_model(model)
        optimizers = {
            key: torch.optim.Adam(getattr(plain, key).parameters(), lr=2e-4, betas=(0.5, 0.999))
            for key in ("generators", "discriminators")
        }
        step = plain_pix2pix_step if name == "pix2pix" else plain_cyclegan_step
        batch = double(a_batch())
        for _ in range(3):
            values = model.step(batch, 5)
            total = step(plain, batch, optimizers)
            value = values[list(model.components).index("total")]
            assert value.item() == pytest.approx(total.item())
        for key in optimizers:
            for a, b in zip(
                getattr(model, key).parameters(), getattr(plain, key).parameters(), strict=True
            ):
                torch.testing.assert_close(a, b, atol=5e-9, rtol=1e-7)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["paired_cyclegan", "cyclegan"])
def test_without_identity_weight_its_passes_are_left_out(name):
    """The weights become those of a step that makes the passes and multiplies them by 0."""
    seen = []
    torch.set_default_dtype(torch.float64)
    try:
        model = build_model(tiny(name, lambda_id=0.0), CPU)
        without_dropout(model)
        plain = plain_model(model)
        optimizers = {
            key: torch.optim.Adam(getattr(plain, key).parameters(), lr=2e-4, betas=(0.5, 0.999))
            for key in ("generators", "discriminators")
        }
        batch = double(a_batch())
        for network in model.generators.values():
            network.register_forward_pre_hook(lambda _, images: seen.append(len(images[0])))
        model.step(batch, 5)
        plain_cyclegan_step(plain, batch, optimizers)
    finally:
        torch.set_default_dtype(torch.float32)
    assert seen == [3, 3, 3, 3]  # two translations, two cycles of the three patches
    for key in optimizers:
        for a, b in zip(
            getattr(model, key).parameters(), getattr(plain, key).parameters(), strict=True
        ):
            torch.testing.assert_close(a, b, atol=5e-9, rtol=1e-7)
    assert "id" not in model.components


def test_terms_as_sums_double_those_as_means():
    mean, total = (build_model(tiny(two_sided_terms=k), CPU) for k in ("mean", "sum"))
    ratios = total.validate(a_batch()) / mean.validate(a_batch())
    ratios = dict(zip(mean.components, ratios.tolist(), strict=True))
    for key in ("gan", "cyc", "id", "px"):
        assert ratios[key] == pytest.approx(2, rel=1e-5)
    assert ratios["gs"] == pytest.approx(1)


def test_validation_changes_nothing():
    model = build_model(tiny("pix2pix"), CPU)
    before = copy.deepcopy(model.generators.state_dict())
    batch = a_batch()
    torch.testing.assert_close(model.validate(batch), model.validate(batch), rtol=0, atol=0)
    assert all(torch.equal(v, model.generators.state_dict()[k]) for k, v in before.items())
    assert model.generators.training


def test_buffer_returns_new_and_old_images():
    buffer, chance = ImageBuffer(4), torch.Generator().manual_seed(0)
    seen, old = [], 0
    for n in range(200):
        image = torch.full((1, 1, 1, 1), float(n))
        out = buffer.exchange(image, chance).item()
        assert out <= n and (out == n or out in seen)
        old += out != n
        seen.append(n)
        if n < 4:
            assert out == n
    assert len(buffer.images) == 4
    assert 70 < old < 130
    assert torch.equal(ImageBuffer(0).exchange(image, chance), image)


EFFICIENT = {"generator": "unet", "norm": "pixel", "head": "full", "dropout": 0.0}


@pytest.mark.parametrize("name", all_models())
@pytest.mark.parametrize("changes", [EFFICIENT, {"generator": "resnet", "norm": "pixel"}])
def test_every_model_trains_with_either_generator(name, changes):
    model = build_model(tiny(name, **changes), CPU)
    before = copy.deepcopy(model.generators.state_dict())
    losses = [model.step(a_batch(), seed) for seed in range(3)]
    assert torch.stack(losses).isfinite().all()
    after = model.generators.state_dict()
    assert all(not torch.equal(before[key], after[key]) for key in before if "weight" in key)


def test_the_mean_of_the_weights_follows_the_recursion():
    model = build_model(tiny("pix2pix", **EFFICIENT, ema=0.8), CPU)
    expected = {key: value.double() for key, value in model.trained_weights().items()}
    for step in range(1, 60):
        model.step(a_batch(), step)
        decay = min(0.8, step / (step + 9))
        for key, value in model.generators.state_dict().items():
            expected[key] = decay * expected[key] + (1 - decay) * value.double()
    for key, value in model.trained_weights().items():
        torch.testing.assert_close(value.double(), expected[key], atol=1e-5, rtol=1e-4)
    validated = model.validate(a_batch())
    model.generators.load_state_dict(model.trained_weights())
    model.averaged = model.generators
    torch.testing.assert_close(model.validate(a_batch()), validated)


def test_without_a_mean_the_last_weights_stain():
    model = build_model(tiny("pix2pix", ema=0.0), CPU)
    model.step(a_batch(), 1)
    assert model.averaged is model.generators


def test_a_restored_model_goes_on_with_its_mean():
    settings = tiny("pix2pix", **EFFICIENT, ema=0.9)
    first, second = (build_model(settings, CPU) for _ in range(2))
    first.step(a_batch(), 1)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for model in (first, second):
        model.step(a_batch(), 2)
    for key, value in first.trained_weights().items():
        assert torch.equal(value, second.trained_weights()[key])
