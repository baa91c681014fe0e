"""Links and paths in the README and the pages beside it lead somewhere."""

import re
import subprocess

import pytest
import yaml

import virtual_staining

FOLDERS = "benchmarks|docs|envs|profiles|rules|tests|workflow_scripts"
LONGEST_LINE = 130


def pages(repository):
    return [*repository.glob("*.md"), *(repository / "docs").rglob("*.md")]


@pytest.fixture(scope="module")
def tracked(repository):
    """Return every file that git holds or would hold, and every folder of them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = set(map(repository.joinpath, listed.stdout.splitlines()))
    return files | {folder for path in files for folder in path.parents}


def prose(page):
    """Return a page's text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page):
    """Return the names under which a forge links to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page, tracked):
    """Return the links of a page that lead to no file of the project or to no heading."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", target):
            continue  # another site
        path = (page.parent / target).resolve() if target else page
        if path not in tracked or (anchor and anchor not in anchors(path)):
            broken.append(link)
    return broken


def missing_paths(page, repository, tracked):
    """Return the project's own paths that a page names in code and that lead to no file."""
    named = re.findall(rf"(?<![\w/.-])(?:{FOLDERS})/[\w./*{{}}-]*", page.read_text("utf-8"))
    missing = []
    for path in {name.rstrip(".") for name in named if "my_" not in name}:  # the reader's own file
        pattern = re.sub(r"\{[^}]*\}", "*", path).rstrip("/")
        if not any(match in tracked for match in repository.glob(pattern)):
            missing.append(path)
    return missing


def test_every_link_leads_somewhere(repository, tracked):
    broken = [(page, broken_links(page, tracked)) for page in pages(repository)]
    assert [found for found in broken if found[1]] == []


def test_every_path_exists(repository, tracked):
    missing = [(page, missing_paths(page, repository, tracked)) for page in pages(repository)]
    assert [found for found in missing if found[1]] == []


def test_a_broken_link_and_a_missing_path_are_seen(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/there.md").write_text("# Large cohorts, small ones\n")
    page = tmp_path / "README.md"
    page.write_text(
        "[a](docs/there.md#large-cohorts-small-ones) [b](docs/there.md#none) [c](docs/none.md) "
        "[d](https://example.org/none) `docs/there.md` `docs/gone.py`, results/none.txt\n"
        "```\n[e](docs/none.md)\n```\n"
    )
    held = {page, tmp_path / "docs/there.md"}
    assert broken_links(page, held) == ["docs/there.md#none", "docs/none.md"]
    assert set(missing_paths(page, tmp_path, held)) == {"docs/none.md", "docs/gone.py"}


def test_results_of_the_documentation_are_held_by_git(repository):
    done = subprocess.run(
        ["git", "check-ignore", "docs/results/README.md"], cwd=repository, check=False
    )
    assert done.returncode != 0
    done = subprocess.run(["git", "check-ignore", "results/x"], cwd=repository, check=False)
    assert done.returncode == 0


def test_the_citation_names_this_version(repository):
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == virtual_staining.__version__
    assert citation["preferred-citation"]["authors"][0]["family-names"] == "Irvine"


def test_no_line_is_too_long(repository):
    """A row of a table cannot be broken, every other line can; the README's rows are short, too."""
    long = [
        f"{page.name}:{number}"
        for page in pages(repository)
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > LONGEST_LINE
        and (page == repository / "README.md" or not line.lstrip().startswith("|"))
    ]
    assert long == []
