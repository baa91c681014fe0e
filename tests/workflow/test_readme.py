"""Every command of the README and its guides does what it says, as far as a dry run can tell."""

import re
import shlex
import subprocess

import pytest
import yaml
from workspace import ROOT, TINY, make_workspace, snakemake

from virtual_staining.cli import build_parser
from virtual_staining.workflow.profile_link import link_profile

README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = [(ROOT / f"docs/{name}.md").read_text("utf-8") for name in ("cluster", "tutorial")]
STUDY = "my-study/config.yaml"  # of a reader's own study


def commands(text):
    """Return the commands of a page: lines of its bash blocks, and what stands in back quotes."""
    blocks = "".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    lines = {line.split(" #")[0].strip() for line in blocks.splitlines()}
    quoted = set(re.findall(r"`((?:make|snakemake|python -m) [^`]+)`", text))
    return {command for command in lines | quoted if command}


COMMANDS = sorted(set.union(*map(commands, [README, *GUIDES])))


def of(program):
    return [command for command in COMMANDS if command.startswith(program + " ")]


def test_the_first_commands_are_clone_demo_and_test():
    first = re.search(r"```bash\n(.*?)```", README, re.DOTALL).group(1).splitlines()
    clone, *rest = [line.split("#")[0].strip() for line in first]
    assert clone.startswith("git clone ") and clone.endswith(" virtual-staining")
    assert rest == ["cd virtual-staining", "make demo", "make test"]


@pytest.mark.parametrize("command", of("snakemake"))
def test_snakemake_is_told_where_to_run(command):
    """Snakemake refuses a run without cores, and takes words behind --configfile for files."""
    assert "--profile" in command or command == "snakemake --unlock"
    assert re.search(r"--configfile \S+( -|$)", command) or "--configfile" not in command


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
    study = {} if "slurm-gpu" in command else dict(TINY)
    if "snakemake check" in command:
        study |= {"samples": "samples.tsv"}
        (tmp_path / "ct.tif").touch()
        (tmp_path / "samples.tsv").write_text("sample\tvolume\nA\tct.tif\n", encoding="utf-8")
    make_workspace(tmp_path, {} if STUDY in command else study)
    (tmp_path / STUDY).parent.mkdir()
    (tmp_path / STUDY).write_text(yaml.safe_dump(study), encoding="utf-8")
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
def test_python_takes_the_arguments(command, capsys):
    words = shlex.split(command)[3:]
    stage = words[0] if words[0] != "--help" else None
    if "--help" not in words:
        assert build_parser(stage).parse_args(words).stage == stage
        return
    with pytest.raises(SystemExit) as stop:
        build_parser(stage).parse_args(words)
    assert stop.value.code == 0
    usage = " ".join(["usage: python -m virtual_staining", *words[:-1]])
    assert usage in " ".join(capsys.readouterr().out.split())
