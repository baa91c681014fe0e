"""The examples of the documentation as files, so that tests run what a reader copies."""

import re
import sys
import textwrap
from pathlib import Path


def python_example(page: Path) -> str:
    """Return the page's only Python example."""
    text = page.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(code)


def add_module(package, name, code, folder, monkeypatch):
    """Put a module into a package for one test; its file lies in a folder of its own."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    # Set and deleted again after the test, as is what its import leaves there.
    monkeypatch.setitem(sys.modules, f"{package.__name__}.{name}", None)
    monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}")
