"""What goes wrong in a run: one plain sentence on the screen, and nothing lost."""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import time

import psutil
import pytest
from workspace import TINY, make_workspace, snakemake

from virtual_staining import __version__
from virtual_staining.artefacts.storage.atomic import read_json, write_json
from virtual_staining.runtime import promised_gpu

pytestmark = pytest.mark.workflow
LOCAL = ("--profile", "profiles/local", "--cores", "2")
SAMPLE = "results/00_cohort/Mg-01"
VOLUME = "results/01_ingest/Mg-01/ct.ome.zarr"
LOG = "results/logs/01_ingest/Mg-01.ct.log"
WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A study whose first sample has been made."""
    folder = make_workspace(tmp_path_factory.mktemp("failures"), TINY)
    done = snakemake(folder, *LOCAL, SAMPLE)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder


@pytest.fixture
def study(begun):
    """The begun study, without what a test before has made of it."""
    yield begun
    for left in ("results/01_ingest", ".snakemake/locks", ".snakemake/incomplete"):
        shutil.rmtree(begun / left, ignore_errors=True)


def sentences(text):
    """Return the last lines of the screen, with which a run says what failed."""
    assert "Traceback" not in text, text[-4000:]
    return text[text.rindex("Exiting because a job execution failed") :]


@contextlib.contextmanager
def files_of_at_most(size):
    """Let no file of this process and its jobs grow beyond some bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_sentence_on_the_screen_and_the_run_continues(study):
    """The failed job's log is shown as well, and the job's output is not there."""
    with files_of_at_most(60_000):
        done = snakemake(study, *LOCAL, VOLUME)
    assert done.returncode != 0
    said = f"{VOLUME}: the file grew larger than the system allows"
    assert f"{LOG}: {said}" in sentences(done.stdout)
    assert f"error: {said}" in done.stdout  # show-failed-logs
    assert not [path for path in (study / "results/01_ingest").rglob("*") if path.is_file()]
    assert snakemake(study, *LOCAL, VOLUME).returncode == 0


@contextlib.contextmanager
def running(folder, *arguments, environment=None):
    """Start Snakemake, yield its process, and end it and its jobs."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "study.yaml"]
    with open(folder / "screen.txt", "w+", encoding="utf-8") as screen:
        snake = psutil.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=screen,
            stderr=subprocess.STDOUT,
        )
        try:
            yield snake
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                for left in [*snake.children(recursive=True), snake]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        left.kill()
            snake.wait()


def job_of(snake, words):
    """Wait for a job of Snakemake whose command line holds some words; return its process."""
    for _ in range(6000):
        for process in snake.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                if line[1:2] == ["-m"] and all(word in line for word in words):
                    return process
        time.sleep(0.05)
    raise AssertionError(f"no job {words}")


def test_a_job_that_the_system_kills_is_named(study):
    """As where the memory is full: the job itself cannot say why it ended."""
    with running(study, *LOCAL, VOLUME) as snake:
        job_of(snake, ["ingest", "volume"]).kill()
        snake.wait(600)
    said = sentences((study / "screen.txt").read_text(encoding="utf-8"))
    assert f"{LOG}: the job was ended from outside, as happens where the memory is full" in said


def test_a_folder_is_locked_until_unlock_after_a_killed_snakemake(study):
    """Also a second run that starts while the first still runs is refused."""
    with running(study, *LOCAL, VOLUME) as snake:
        job = job_of(snake, ["ingest", "volume"])
        job.suspend()
        second = snakemake(study, *LOCAL, VOLUME)
        snake.kill()
        job.kill()
    third = snakemake(study, *LOCAL, VOLUME)
    for done in (second, third):
        assert done.returncode != 0 and "--unlock" in done.stdout
        assert "Directory cannot be locked" in done.stdout and "Traceback" not in done.stdout
    assert snakemake(study, "--unlock").returncode == 0
    assert not list((study / ".snakemake").glob("locks/*"))


def other_clone(study, folder):
    """Return a second clone of the program that writes into the same results."""
    folder.mkdir()
    clone = make_workspace(folder, {**TINY, "results": str(study / "results")})
    return clone


def test_two_clones_do_not_work_in_one_results_folder(study, tmp_path):
    """Snakemake's own lock is one of the clone."""
    clone = other_clone(study, tmp_path / "clone")
    with running(study, *LOCAL, VOLUME) as snake:
        job_of(snake, ["ingest", "volume"]).suspend()
        done = snakemake(clone, *LOCAL, str(study / VOLUME))
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert "another process works in this folder (process" in done.stdout


@pytest.fixture
def read_only(study):
    """The results on a file system that is read-only."""
    results = study / "results"
    if os.getuid() == 0:
        bind = ["mount", "--bind", str(results), str(results)]
        if subprocess.run(bind, capture_output=True, check=False).returncode:
            pytest.skip("this user may not mount, and ignores permissions")
        subprocess.run(["mount", "-o", "remount,ro,bind", str(results)], check=True)
        yield results
        subprocess.run(["umount", str(results)], check=True)
        return
    folders = [results, *(path for path in results.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield results
    for folder in folders:
        folder.chmod(0o755)


def test_a_read_only_results_folder_is_a_sentence_before_any_job(study, read_only):
    done = snakemake(study, *LOCAL, VOLUME)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert re.search(r"results/settings\S*: (the file system is read-only|permission denied);",
                     done.stdout)  # fmt: skip
    assert "rule ingest_volume" not in done.stdout
    assert snakemake(study, *LOCAL, VOLUME, "-n").returncode == 0  # looking is allowed


def test_results_of_another_version_are_said_once(study):
    program = study / "results/settings/program.json"
    said = "holds results of another version of the program"
    assert read_json(program)["version"] == __version__
    program.unlink()  # as version 0.1.0 left it
    first = snakemake(study, *LOCAL, VOLUME)
    assert first.returncode == 0 and f"results {said} (not recorded; this is" in first.stdout
    assert said not in snakemake(study, *LOCAL, VOLUME, "--forcerun", VOLUME).stdout
    write_json(program, {"format": 1, "version": "0.0.9"})
    done = snakemake(study, *LOCAL, VOLUME, "--forcerun", VOLUME)
    assert done.returncode == 0 and f"{said} (0.0.9; this is {__version__})" in done.stdout
    assert "CHANGELOG.md says what differs" in done.stdout


@pytest.mark.parametrize(("environment", "expected"), [({}, True), (WITHOUT_GPU, False)])
def test_a_missing_gpu_that_the_profile_promises_is_said(study, environment, expected):
    """CUDA_VISIBLE_DEVICES= says that the processor is meant."""
    if promised_gpu():
        pytest.skip("this machine has a GPU")
    target = "results/06_train/toluidine_blue/pix2pix/fold-1/best"
    with running(study, *LOCAL, target, environment=environment) as snake:
        job_of(snake, ["cohort", "sample"])
    words = "promises a GPU, and this machine has no NVIDIA driver"
    assert (words in (study / "screen.txt").read_text(encoding="utf-8")) == expected
