"""The file generator.pt: its content, older and newer formats, damaged files."""

import pytest
import torch
from train_cases import tiny

import virtual_staining
from virtual_staining.artefacts import generator_file
from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.errors import InputError
from virtual_staining.models.build import build_model

CPU = torch.device("cpu")


@pytest.fixture
def written(tmp_path):
    """A file of a model with two generators, and the state dict that it was written from."""
    model = build_model(tiny("paired_cyclegan"), CPU)
    state = model.generators.state_dict()
    write_generator(tmp_path / "generator.pt", model.settings, state, 7, "cyc")
    return tmp_path / "generator.pt", state


def change(path, **entries):
    """Write new entries into the file; None removes one."""
    content = torch.load(path, weights_only=True) | entries
    torch.save({key: value for key, value in content.items() if value is not None}, path)


def assert_same_weights(path, state):
    networks = load_generators(path, CPU).networks
    loaded = {f"{t}.{k}": v for t, net in networks.items() for k, v in net.state_dict().items()}
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_file_holds_what_later_stages_need(written):
    path, state = written
    content = torch.load(path, weights_only=True)
    assert content["version"] == virtual_staining.__version__
    assert (content["model"], content["epoch"], content["loss"]) == ("paired_cyclegan", 7, "cyc")
    assert_same_weights(path, state)


def test_files_of_the_first_format_are_read(written):
    path, state = written
    change(path, format=None, version=None)
    assert_same_weights(path, state)


def test_a_file_of_a_newer_format_is_refused(written):
    path, _ = written
    change(path, format=generator_file.FORMAT + 1, version="9.8.7")
    with pytest.raises(InputError, match=r"generator\.pt: written in format 5 by .* 9\.8\.7"):
        load_generators(path, CPU)


def test_a_file_without_one_direction_is_refused(written):
    path, _ = written
    forward = torch.load(path, weights_only=True)["generators"]["forward"]
    change(path, generators={"forward": forward})
    with pytest.raises(InputError, match="not a generator file, or damaged"):
        load_generators(path, CPU)


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "generator.pt").write_bytes(b"not weights")
    with pytest.raises(InputError, match=r"generator\.pt: not a generator file"):
        load_generators(tmp_path / "generator.pt", CPU)
    with pytest.raises(InputError, match=r"nothing\.pt: no such file"):
        load_generators(tmp_path / "nothing.pt", CPU)
