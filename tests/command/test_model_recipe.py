"""A new model is one new file: the documentation's example runs through training and inference."""

import pandas as pd
import pytest
import torch
from recipes import add_module, python_example
from train_cases import STAIN, infer_arguments, tiny, trained, write_fold

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.cli import main
from virtual_staining.evaluate.layout import model_name
from virtual_staining.models import variants
from virtual_staining.models.catalogue import in_order

torch.set_num_threads(1)


@pytest.fixture
def smooth_cyclegan(repository, tmp_path, monkeypatch):
    """The documentation's example, in a folder beside the package's."""
    folder = tmp_path / "more_models"
    folder.mkdir()
    example = python_example(repository / "docs/contributing.md")
    add_module(variants, "smooth_cyclegan", example, folder, monkeypatch)
    return "smooth_cyclegan"


def test_a_new_file_is_a_new_model(tmp_path, smooth_cyclegan):
    assert main(write_fold(tmp_path, tiny(smooth_cyclegan))) == 0
    out = trained(tmp_path, smooth_cyclegan)
    history = pd.read_csv(out.history)
    assert (history["validation_tv"] > 0).all()
    content = torch.load(out.generator, weights_only=True)
    assert content["model"] == smooth_cyclegan
    assert main(infer_arguments(tmp_path, smooth_cyclegan)) == 0
    stained = Results(tmp_path).stained(STAIN, smooth_cyclegan, 1).sample("s0")
    assert read_image(stained.slide).std() > 0
    assert in_order(["raw_ct", "cyclegan", smooth_cyclegan, "pix2pix"])[1] == smooth_cyclegan
    assert model_name(smooth_cyclegan) == "CycleGAN (smooth)"
