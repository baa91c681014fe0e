"""The container recipes name files that are there, and install the pinned versions alone."""

import re

import pytest

DOCKER, APPTAINER = "envs/Dockerfile", "envs/apptainer.def"


def instructions(text):
    """Return the instructions of a Dockerfile, continued lines joined and comments left out."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [line.split(None, 1) for line in joined.splitlines() if line.strip()]


def copied(text):
    """Return the sources of COPY."""
    parts = [words.split() for name, words in instructions(text) if name == "COPY"]
    return [source for words in parts for source in words[:-1]]


def test_every_instruction_is_one_of_docker(repository):
    known = {"FROM", "RUN", "WORKDIR", "COPY", "ARG", "ENV", "ENTRYPOINT", "CMD"}
    names = [name for name, _ in instructions((repository / DOCKER).read_text())]
    assert names[0] == "FROM" and set(names) <= known


def test_what_is_copied_is_there_and_is_all_that_runs_need(repository):
    sources = copied((repository / DOCKER).read_text())
    assert all((repository / source).exists() for source in sources)
    assert {"Snakefile", "config.yaml", "rules", "workflow_scripts", "profiles"} <= {
        source.removeprefix("./") for source in sources
    }


def test_both_recipes_do_the_same(repository):
    docker, apptainer = ((repository / name).read_text() for name in (DOCKER, APPTAINER))
    block = re.search(r"%files\n(.*?)\n\n", apptainer, re.DOTALL).group(1)
    assert {line.split()[0] for line in block.splitlines()} == set(copied(docker))
    assert re.search(r"^FROM (\S+)", docker, re.M).group(1) == (
        re.search(r"^From: (\S+)", apptainer, re.M).group(1)
    )
    for word in ("git", "libgomp1", "make"):
        assert re.search(rf"apt-get install .*\b{word}\b", re.sub(r"\\\n", " ", docker))
        assert re.search(rf"apt-get install .*\b{word}\b", apptainer)


@pytest.mark.parametrize("name", [DOCKER, APPTAINER])
def test_every_install_uses_the_constraints(repository, name):
    text = (repository / name).read_text()
    installs = re.findall(r"^(?:RUN|\s+)\s*(pip install.*)$", text, re.MULTILINE)
    assert len(installs) == 1
    assert "--constraint envs/constraints.txt" in installs[0]
    assert "python:3.11" in text  # the version that the constraints were made for
