"""A release has one version in all its places, and a package that holds all its files."""

import shutil
import tomllib

import pytest
import yaml

from virtual_staining import __version__
from virtual_staining.workflow import release

FILES = ("CITATION.cff", "CHANGELOG.md", "pyproject.toml")


@pytest.fixture
def project(repository, tmp_path):
    """The files that state the version, with nothing under Unreleased."""
    for name in FILES:
        shutil.copy(repository / name, tmp_path)
    text = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    lines = release.notes(text, release.UNRELEASED)
    (tmp_path / "CHANGELOG.md").write_text(text.replace(lines, ""), encoding="utf-8")
    return tmp_path


def test_the_version_is_one_today(repository):
    assert release.disagreements(repository) == []


def test_a_tag_of_this_version_is_released(project):
    assert release.disagreements(project, f"v{__version__}") == []


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("CITATION.cff", f"version: {__version__}", "version: 9.9.9", "CITATION.cff: version must"),
        ("CHANGELOG.md", f"## {__version__}\n", "## 9.9.9\n", "CHANGELOG.md: has no heading"),
        ("CHANGELOG.md", release.UNRELEASED, "## Unreleased\n\n- new\n", "lines stand under"),
        ("pyproject.toml", 'dynamic = ["version"]', 'version = "9"', "version must be dynamic"),
    ],
)
def test_each_disagreement_is_said(project, name, before, after, said):
    text = (project / name).read_text(encoding="utf-8")
    (project / name).write_text(text.replace(before, after), encoding="utf-8")
    (sentence,) = release.disagreements(project, f"v{__version__}")
    assert said in sentence


def test_another_tag_is_refused(project):
    assert release.disagreements(project, "v9") == [
        f"v9: the tag of this version is v{__version__}"
    ]


def test_the_release_workflow_runs_on_tags_and_checks_before_it_publishes(repository):
    flow = yaml.safe_load((repository / ".github/workflows/release.yml").read_text())
    assert flow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
    steps = [step.get("run", "") for step in flow["jobs"]["release"]["steps"]]
    order = [
        "virtual_staining.workflow.release",
        ".ci/run",
        "build",
        "archive",
        "gh release create",
    ]
    places = [next(k for k, step in enumerate(steps) if word in step) for word in order]
    assert places == sorted(places)


def test_the_package_holds_every_file_that_it_reads(repository):
    """What setuptools puts into a wheel beside the modules."""
    package = repository / "workflow_scripts/virtual_staining"
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    globs = project["tool"]["setuptools"]["package-data"]["virtual_staining"]
    held = {path for glob in globs for path in package.glob(glob)}
    files = {p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert {path for path in files if path.suffix != ".py"} == held
