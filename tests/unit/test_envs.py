"""One set of versions: pyproject's ranges, the constraints, and the conda environments."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def pins(repository):
    lines = (repository / "envs/constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def requirements(project):
    texts = project["dependencies"] + project["optional-dependencies"]["dev"]
    return {canonicalize_name(r.name): r for r in map(Requirement, texts)}


def test_every_requirement_is_pinned_within_its_range(pins, requirements):
    for name, requirement in requirements.items():
        assert pins[name] in requirement.specifier, name


@pytest.mark.parametrize("environment", ["cpu", "gpu"])
def test_conda_environments_hold_the_same_pins(repository, pins, project, environment):
    listed = yaml.safe_load((repository / f"envs/{environment}.yaml").read_text())["dependencies"]
    texts = listed[-1]["pip"] + [text for text in listed[:-1] if "==" in text]
    found = {}
    for text in texts:
        name, version = re.fullmatch(r"(\S+?) ?==(\S+)", text).groups()
        found[canonicalize_name(name.replace("pytorch-cpu", "torch"))] = version
    names = [canonicalize_name(Requirement(text).name) for text in project["dependencies"]]
    wanted = {name: pins[name] for name in names if not name.startswith("snakemake")}
    assert found == wanted
