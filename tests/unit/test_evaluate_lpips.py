"""LPIPS: torchmetrics' documented value, and where the weights come from."""

import json

import numpy as np
import pytest
import torch

from virtual_staining.errors import InputError
from virtual_staining.evaluate import lpips_backbone as backbone
from virtual_staining.evaluate.lpips_network import lpips_distances, lpips_features
from virtual_staining.settings.evaluate import EvaluateSettings


@pytest.fixture(scope="module")
def weights(shared_data):
    path = shared_data / "squeezenet1_1-features" / "squeezenet1_1_features.pth"
    if not path.is_file():
        pytest.skip(f"SqueezeNet weights not found ({path})")
    return path


@pytest.fixture(scope="module")
def network(weights):
    return backbone.load_network(weights)


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(backbone.VARIABLE, raising=False)


def random_features():
    shapes = [(0, "", (64, 3, 3, 3))]
    fires = (3, 64, 16, 64), (4, 128, 16, 64), (6, 128, 32, 128), (7, 256, 32, 128)
    fires += (9, 256, 48, 192), (10, 384, 48, 192), (11, 384, 64, 256), (12, 512, 64, 256)
    for layer, channels, squeezed, expanded in fires:
        shapes.append((layer, "squeeze.", (squeezed, channels, 1, 1)))
        shapes += [(layer, f"expand{n}x{n}.", (expanded, squeezed, n, n)) for n in (1, 3)]
    return {
        f"features.{layer}.{name}{kind}": torch.randn(shape if kind == "weight" else shape[0])
        for layer, name, shape in shapes
        for kind in ("weight", "bias")
    }


def test_torchmetrics_documented_value(network, monkeypatch):
    torch.manual_seed(42)
    pair = (torch.rand(10, 3, 100, 100) * 2 - 1 for _ in range(2))
    monkeypatch.setattr(f"{lpips_features.__module__}.to_tensor", lambda _, images: images)
    assert distances(network, *pair).mean() == pytest.approx(0.1005, abs=5e-5)


def distances(network, real, generated):
    return lpips_distances(network, *(lpips_features(network, i) for i in (real, generated)))


def test_identical_images_have_no_distance_and_batches_agree(network):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (18, 32, 32, 3), dtype=np.uint8)
    assert distances(network, images, images) == pytest.approx(0)
    shifted = np.roll(images, 1, axis=0)
    together = distances(network, images, shifted)
    assert together.shape == (18,)
    assert (together > 0.01).all()
    alone = distances(network, images[-1:], shifted[-1:])
    assert together[-1] == pytest.approx(alone[0], rel=1e-4)


def test_a_whole_squeezenet_file_serves_as_well(tmp_path):
    features = random_features()
    torch.save({**features, "classifier.1.weight": torch.zeros(3)}, tmp_path / "whole.pth")
    loaded = backbone.load_network(tmp_path / "whole.pth").state_dict()
    for name in ("features.0.weight", "features.12.expand3x3.bias"):
        assert torch.equal(loaded[name], features[name])


def test_other_files_are_refused(tmp_path):
    features = random_features()
    missing = {name: t for name, t in features.items() if name != "features.0.bias"}
    reshaped = {**features, "features.0.bias": torch.zeros(2)}
    for value, message in [
        (missing, "features.0.bias"),
        (reshaped, "another shape"),
        ([1, 2], "not the weights"),
    ]:
        torch.save(value, tmp_path / "wrong.pth")
        with pytest.raises(InputError, match=message):
            backbone.load_network(tmp_path / "wrong.pth")
    (tmp_path / "wrong.pth").write_text("no tensors here")
    with pytest.raises(InputError, match=r"wrong\.pth: not a PyTorch state dict"):
        backbone.load_network(tmp_path / "wrong.pth")


def test_the_file_comes_from_config_then_from_the_environment(weights, monkeypatch):
    found = backbone.find_backbone(EvaluateSettings(lpips_backbone=str(weights)))
    assert found["measured"]
    assert found["backbone"] == str(weights.resolve())
    assert len(found["sha256"]) == 64
    monkeypatch.setenv(backbone.VARIABLE, str(weights))
    assert backbone.find_backbone(EvaluateSettings(lpips="if_given")) == found
    with pytest.raises(InputError, match=r"elsewhere\.pth: no such file"):
        backbone.find_backbone(EvaluateSettings(lpips_backbone="elsewhere.pth"))


def test_lpips_can_be_absent():
    assert not backbone.find_backbone(EvaluateSettings(lpips=False))["measured"]
    found = backbone.find_backbone(EvaluateSettings(lpips="if_given"))
    assert (found["measured"], found["backbone"]) == (False, None)
    assert backbone.VARIABLE in found["reason"]


def test_a_failed_download_says_what_to_set(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("Temporary failure in name resolution")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(InputError) as error:
        backbone.find_backbone(EvaluateSettings())
    for remedy in ("evaluate.lpips_backbone", backbone.VARIABLE, "evaluate.lpips to false"):
        assert remedy in str(error.value)


def test_the_download_is_used_where_it_works(monkeypatch, tmp_path):
    def fetch(url, **_):
        (tmp_path / "checkpoints").mkdir()
        torch.save(random_features(), tmp_path / "checkpoints" / url.rsplit("/", 1)[1])

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    found = backbone.find_backbone(EvaluateSettings())
    assert found["measured"]
    assert json.loads(json.dumps(found)) == found
    assert "squeezenet1_1" in found["backbone"]
