"""Settings of the documentation site, which `make site` builds with Sphinx."""

import re
from pathlib import Path

import virtual_staining

project = "Virtual staining of 3D X-ray histology"
author = "The virtual-staining maintainers"
version = release = virtual_staining.__version__
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = project

# Pages that a forge shows from the repository's root: page of the site -> file of the root.
ROOT_PAGES = {
    "index": "README.md",
    "how-to-contribute": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "security": "SECURITY.md",
}


def text_of_root_page(_app, page: str, source: list[str]) -> None:
    """Put the text of a page of the root before what the site's own file of that name holds."""
    if page in ROOT_PAGES:
        text = (Path(__file__).parents[1] / ROOT_PAGES[page]).read_text(encoding="utf-8")
        source[0] = text.replace("](docs/", "](") + "\n" + source[0]
    depth = "../" * page.count("/")
    for name, file in ROOT_PAGES.items():
        source[0] = re.sub(rf"\]\((\.\./)*{file}(?=[)#])", f"]({depth}{name}.md", source[0])
    source[0] = source[0].replace("](CITATION.cff)", "](../CITATION.cff)")


def setup(app) -> None:
    """Connect the functions above, as Sphinx asks for."""
    app.connect("source-read", text_of_root_page)
