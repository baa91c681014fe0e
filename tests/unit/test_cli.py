"""What the command line says of itself, and of problems that its user can solve."""

import argparse
import errno
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import virtual_staining
from virtual_staining import cli
from virtual_staining.errors import InputError


def test_every_package_with_a_command_is_a_stage(repository):
    folders = (repository / "workflow_scripts/virtual_staining").glob("*/command.py")
    assert set(cli.find_stages()) == {path.parent.name for path in folders}


def test_stages_stand_in_the_order_of_their_rule_files(repository):
    rules = [path.stem.split("_") for path in sorted((repository / "rules").glob("[0-9]*.smk"))]
    found = list(cli.find_stages().items())
    assert [(text[:2], name) for name, text in found if text[:2].isdigit()] == [
        (number, name) for number, name in rules
    ]


def test_overview_shows_each_stage_and_the_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    overview = capsys.readouterr().out
    for name in cli.find_stages():
        assert re.search(rf"^    {name}\b", overview, re.MULTILINE)
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"virtual_staining {virtual_staining.__version__}\n"


def test_help_of_a_stage_holds_its_description(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    assert cli.find_stages()["train"].strip() in capsys.readouterr().out


def caused(error):
    """Return a library's error that hides the system's own."""
    wrapper = ValueError("cannot encode")
    wrapper.__cause__ = error
    return wrapper


def failed(monkeypatch, capsys, error):
    """Run a stage that fails; return the exit status and the last line of standard error."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--out")

    def run(args: argparse.Namespace) -> None:
        raise error

    module = SimpleNamespace(add_arguments=add_arguments, run=run)
    real = cli.importlib.import_module
    monkeypatch.setattr(
        cli.importlib,
        "import_module",
        lambda name: module if name.endswith(".mask.command") else real(name),
    )
    status = cli.main(["mask", "--out", "results/04_mask/Mg-01"])
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return status, text.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("a.tif: no such file"), "error: a.tif: no such file"),
        (OSError(errno.ENOSPC, "full", "/scratch/ct.tif"), "error: /scratch/ct.tif: the disk is"),
        (OSError(errno.ENOSPC, "full"), "error: results/04_mask/Mg-01: the disk is full; free"),
        (OSError(errno.EDQUOT, "quota", "b"), "error: b: the disk quota is used up; free"),
        (OSError(errno.EFBIG, "big", "b"), "error: b: the file grew larger than the system"),
        (OSError(errno.EROFS, "ro", "b"), "error: b: the file system is read-only; write"),
        (OSError(errno.EEXIST, "exists", "b"), "error: b: stands where a folder is to be written"),
        (OSError(errno.ENOTDIR, "no", "b/c"), "error: b/c: a part of this path is a file and not"),
        (OSError(errno.EISDIR, "dir", "b"), "error: b: is a folder and not a file; give another"),
        (RuntimeError("write: No space left on device (os error 28)"), "04_mask/Mg-01: the disk"),
        (caused(OSError(errno.ENOSPC, "full", "c.png")), "error: c.png: the disk is full"),
        (MemoryError(), "error: results/04_mask/Mg-01: the machine's memory is full; give"),
        (torch.OutOfMemoryError("CUDA"), "results/04_mask/Mg-01: the GPU's memory is full; choose"),
    ],
)
def test_a_problem_of_the_user_is_one_sentence(monkeypatch, capsys, error, words):
    status, last = failed(monkeypatch, capsys, error)
    assert status == 1
    assert words in last


def test_memory_that_libraries_cannot_have_is_one_sentence(monkeypatch, capsys):
    for allocate in (lambda: np.empty(1 << 56, np.uint8), lambda: torch.empty(1 << 54)):
        with pytest.raises((MemoryError, RuntimeError)) as raised:
            allocate()
        status, last = failed(monkeypatch, capsys, raised.value)
        assert (status, "memory is full" in last) == (1, True), raised.value


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), ValueError("a defect")])
def test_a_defect_keeps_its_traceback(monkeypatch, capsys, error):
    with pytest.raises(type(error), match=re.escape(str(error))):
        failed(monkeypatch, capsys, error)


def parsers(stage):
    """Yield (command line, parser) of a stage and of each of its actions."""
    found = [([stage], subparsers(cli.build_parser(stage))[stage])]
    while found:
        words, parser = found.pop()
        yield " ".join(words), parser
        found += [([*words, name], action) for name, action in subparsers(parser).items()]


def subparsers(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


@pytest.mark.parametrize("stage", cli.find_stages())
def test_help_describes_every_action_and_every_argument(stage):
    for words, parser in parsers(stage):
        assert parser.description, words
        for action in parser._actions:
            named = isinstance(action, argparse._SubParsersAction) or action.help
            assert named, f"{words} {action.option_strings}"


def test_a_gpu_that_vanishes_is_one_sentence():
    """The words of torch; the second line is advice to programmers."""
    error = RuntimeError("CUDA error: unspecified launch failure\nCompile with TORCH_USE_CUDA_DSA")
    said = cli.explain(error, argparse.Namespace(out="results/x", stage="train"))
    assert "results/x: the GPU failed or is gone" in said and "\n" not in said
    assert cli.explain(RuntimeError("other"), argparse.Namespace(stage="train")) is None


@pytest.mark.parametrize(("words", "status"), [("--help", 0), ("metrics", 141)])
def test_a_reader_that_leaves_ends_a_command_quietly(words, status):
    """As in ``check samples.tsv | head``, of which the rest is written when nobody reads."""
    program = (
        "import sys, virtual_staining.cli as cli\n"
        "if sys.argv[1] == 'metrics':\n"
        "    cli.run_stage = lambda argv: print('row\\n' * 10**6) or 0\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as output:
        done = subprocess.run(
            [sys.executable, "-c", program, words], stdout=output, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (status, "")
