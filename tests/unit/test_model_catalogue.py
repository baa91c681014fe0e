"""The catalogue of models: found in a folder, without torch."""

import subprocess
import sys

import pytest
from train_cases import ROOT, tiny

from virtual_staining.errors import InputError
from virtual_staining.models import catalogue
from virtual_staining.settings.train import TrainSettings

PAPER = ["paired_cyclegan", "pix2pix", "cyclegan_inverted", "cyclegan"]


def test_the_papers_models_are_found_in_the_order_of_its_tables():
    assert [name for name in catalogue.all_models() if name in PAPER] == PAPER


@pytest.mark.parametrize("name", PAPER)
def test_keys_are_settings_and_leave_out_other_models_keys(name):
    facts = catalogue.all_models()[name]
    keys = facts.keys(tiny())
    assert keys <= set(TrainSettings.model_fields)
    assert ("unet_depth" in keys) == ("head" in keys) == (name == "pix2pix")
    assert ("residual_blocks" in keys) == (name != "pix2pix")
    assert ("lambda_px" in keys) == (name == "paired_cyclegan")
    assert not keys & {"tensorboard", "checkpoint_minutes", "infer_checkpoint"}
    for generator, depth in (("unet", "unet_depth"), ("resnet", "residual_blocks")):
        keys = facts.keys(tiny(generator=generator))
        assert keys & {"unet_depth", "residual_blocks"} == {depth}


def test_halvings_and_components():
    models = catalogue.all_models()
    assert models["cyclegan"].halvings(tiny()) == 2
    assert models["pix2pix"].halvings(tiny(unet_depth=4)) == 4
    assert models["cyclegan"].halvings(tiny(unet_depth=4, generator="unet")) == 4
    assert models["pix2pix"].halvings(tiny(generator="resnet")) == 2
    assert list(models["cyclegan"].components(tiny(lambda_id=0.0))) == ["gan", "cyc", "total"]
    assert models["pix2pix"].components(tiny())["l1"] == "ℓ1"


def test_an_unknown_model_is_named():
    with pytest.raises(InputError, match=r"unknown 'stargan'; known: .*paired_cyclegan"):
        catalogue.model_facts("stargan")


def test_facts_cost_no_torch():
    code = (
        "import sys; from virtual_staining.models import catalogue; "
        "print(len(catalogue.all_models()), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        env={"PYTHONPATH": str(ROOT / "workflow_scripts")},
    )
    number, torch_is_loaded = done.stdout.split()
    assert int(number) >= len(PAPER) and torch_is_loaded == "False", done.stderr
