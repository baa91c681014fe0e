"""The documentation is also a site, built from the same pages."""

import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory):
    """Build the site; a link that leads nowhere or a page in no list is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(folder)],
        cwd=repository,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_each_page_is_on_the_site(site, repository):
    pages = (repository / "docs").rglob("*.md")
    names = [page.relative_to(repository / "docs").with_suffix(".html") for page in pages]
    assert len(names) > 10
    assert [str(name) for name in names if not (site / name).exists()] == []


def test_the_first_page_is_the_readme(site, repository):
    text = (site / "index.html").read_text(encoding="utf-8")
    title = (repository / "README.md").read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
    assert f"<h1>{title}" in text
    assert 'href="metrics.html"' in text and 'href="how-to-contribute.html"' in text


def test_no_page_asks_another_server_for_fonts(site):
    for page in site.rglob("*.html"):
        assert re.findall(r"fonts\.g[a-z]+\.com", page.read_text(encoding="utf-8")) == []
