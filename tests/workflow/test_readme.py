"""Every command of the README does what it says, as far as a dry run can tell."""

import re
import shlex
import subprocess

import pytest
from workspace import ROOT, TINY, make_workspace, snakemake

from virtual_staining.cli import main
from virtual_staining.workflow.profile_link import link_profile

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        line.split(" #")[0].strip()
        for text in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
        for line in text.splitlines()
        if line.split(" #")[0].strip()
    }
    | set(re.findall(r"`((?:make|snakemake|python -m) [^`]+)`", README))
)


def of(program):
    return [command for command in COMMANDS if command.startswith(program + " ")]


def test_the_first_two_commands_are_demo_and_test():
    first = re.search(r"```bash\n(.*?)```", README, re.DOTALL).group(1).splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]


@pytest.mark.parametrize("command", of("make"))
def test_make_knows(command):
    done = subprocess.run(
        ["make", "-n", *shlex.split(command)[1:]],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_make_refuses_what_it_does_not_know():
    for arguments in (["nonsense"], ["bench", "NAME=nonsense"]):
        done = subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode != 0
        assert "nonsense" in done.stderr


def expanded(words):
    """Expand one brace list per word, as the shell does."""
    for word in words:
        found = re.fullmatch(r"(.*)\{(.*)\}(.*)", word)
        if found:
            yield from (found[1] + part + found[3] for part in found[2].split(","))
        else:
            yield word


@pytest.mark.parametrize("command", of("snakemake"))
def test_snakemake_plans(command, tmp_path):
    # Commands for a cluster name samples of the paper's size.
    study = {} if "slurm-gpu" in command else {**TINY, "models": ["paired_cyclegan"]}
    make_workspace(tmp_path, study)
    link_profile(folder=tmp_path / "home/snakemake")
    arguments = [word for word in expanded(shlex.split(command)[1:]) if word != "-n"]
    if "--report" in arguments:  # needs finished results: see test_workflow_run.py
        arguments = arguments[: arguments.index("--report")]
    done = snakemake(
        tmp_path, *arguments, "-n", environment={"XDG_CONFIG_HOME": str(tmp_path / "home")}
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Job stats" in done.stdout or "--unlock" in arguments


@pytest.mark.parametrize("command", of("python"))
def test_python_helps(command, capsys):
    words = [word for word in shlex.split(command)[3:] if word != "--help"]
    stage = words[:2] if words[:1] == ["register"] else words[:1]
    with pytest.raises(SystemExit) as stop:
        main([*stage, "--help"])
    assert stop.value.code == 0
    usage = " ".join(["usage: python -m virtual_staining", *stage])
    assert usage in " ".join(capsys.readouterr().out.split())
