"""A running cluster and a workspace; these tests run only when asked for (``make test-slurm``)."""

import tempfile
from pathlib import Path

import pytest
from cluster import Cluster, obstacle
from submit import Study, stop_all

from virtual_staining.workflow.profile_link import link_profile


def pytest_ignore_collect(collection_path, config):
    """Keep ``make test`` quick: collect this folder only if it was named."""
    return None if any("slurm" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def cluster():
    """A SLURM cluster with two pretended GPUs, or a skip that says what to install."""
    reason = obstacle()
    if reason:
        pytest.skip(reason)
    # Not below pytest's own folder: munge wants every folder above its socket open to all.
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:
        with Cluster(Path(folder)) as running:
            yield running


@pytest.fixture(scope="session")
def config_home(tmp_path_factory):
    """A Snakemake folder that the profile has been linked into, as ``make setup`` does."""
    folder = tmp_path_factory.mktemp("config-home")
    link_profile(folder=folder / "snakemake")
    return folder


@pytest.fixture(scope="session")
def whole(cluster, config_home, tmp_path_factory):
    """A study that has been computed wholly on the cluster."""
    study = Study.make(tmp_path_factory.mktemp("whole"), config_home)
    study.start().wait(600)
    return study


@pytest.fixture(autouse=True)
def nothing_left(cluster):
    """Stop each test's Snakemake before the cluster goes."""
    yield
    stop_all()
