"""``make release-check``: one version in the package, the citation, the changelog and the tag."""

import re
import sys
from pathlib import Path

from virtual_staining import __version__

ROOT = Path(__file__).resolve().parents[3]
UNRELEASED = "## Unreleased"


def disagreements(root: Path, tag: str = "") -> list[str]:
    """Return what stands in the way of a release, a sentence each.

    Parameters
    ----------
    root : Path
        The project's folder.
    tag : str
        Tag of the release, ``v`` and the version; empty where none has been chosen yet. Then lines
        under ``Unreleased`` are in order.
    """
    said = []
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: *(\S+)", citation, re.MULTILINE)
    if cited is None or cited[1] != __version__:
        said.append(f"CITATION.cff: version must be {__version__}, that of the package")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"\n## {__version__}\n" not in changelog:
        said.append(f"CHANGELOG.md: has no heading `## {__version__}`")
    if 'dynamic = ["version"]' not in (root / "pyproject.toml").read_text(encoding="utf-8"):
        said.append("pyproject.toml: version must be dynamic, so that the package alone states it")
    if tag and tag != f"v{__version__}":
        said.append(f"{tag}: the tag of this version is v{__version__}")
    if tag and notes(changelog, UNRELEASED):
        said.append(f"CHANGELOG.md: lines stand under `{UNRELEASED}`; move them to their version")
    return said


def notes(changelog: str, heading: str) -> str:
    """Return what stands under a heading of the changelog; empty if nothing does."""
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    return found[1].strip() if found else ""


def main(tags: list[str]) -> int:
    """Print what stands in the way of a release, or with a tag its notes; return the status."""
    said = disagreements(ROOT, *tags[:1])
    for sentence in said:
        print(f"error: {sentence}", file=sys.stderr)
    if not said:
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        print(
            notes(changelog, f"## {__version__}") if tags else f"version {__version__} everywhere"
        )
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
