"""``python -m virtual_staining.documentation`` (``make docs``): write the tables of the docs.

The containers and the metrics are found in their folders, so that a new one needs no other edit.
Each table stands between two comments, ``<!-- NAME -->`` and ``<!-- /NAME -->``.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import all_metrics
from virtual_staining.readers import slides, volumes
from virtual_staining.readers.container import Container, all_containers

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "make docs"


def documents() -> dict[str, str]:
    """Return the text of each file with generated parts, by its path in the repository."""
    tables = {
        "volume containers": f"\n{container_table(volumes)}\n",
        "slide containers": f"\n{container_table(slides)}\n",
        "metrics": f"\n{metric_table()}\n",
    }
    return {
        path: filled((ROOT / path).read_text(encoding="utf-8"), tables)
        for path in ("docs/inputs-reference.md", "docs/metrics.md")
    }


def filled(text: str, parts: dict[str, str]) -> str:
    """Return a text whose marked parts are replaced.

    Parameters
    ----------
    text : str
        Markdown with pairs of comments, ``<!-- NAME -->`` and ``<!-- /NAME -->``.
    parts : dict
        Name to what stands between its comments.
    """
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        text = re.sub(pattern, lambda _, new=f"{begin}{part}{end}": new, text, flags=re.DOTALL)
    return text


def _by_name(package: ModuleType) -> list[Container]:
    return sorted(all_containers(package), key=lambda container: container.name.lower())


def container_table(package: ModuleType) -> str:
    """Return a Markdown table of the containers."""
    rows = [
        (
            container.name,
            " ".join(f"`{suffix}`" for suffix in container.suffixes) or "any",
            f"`::{container.inside}`" if container.inside else "",
            container.note,
        )
        for container in _by_name(package)
    ]
    return _table(("container", "names end in", "behind the path", "what is read"), rows)


def metric_table() -> str:
    """Return a Markdown table of the metrics."""
    rows = [
        (
            metric.column.name,
            f"`{metric.column.column}`",
            metric.column.unit,
            _direction(metric.column),
            metric.about,
        )
        for metric in all_metrics()
    ]
    return _table(("metric", "column", "unit", "better", "what is measured"), rows)


def _direction(column: MetricColumn) -> str:
    if column.best is not None:
        return f"closer to {column.best:g}"
    return "higher" if column.higher_is_better else "lower"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_documents() -> None:
    """Write the generated parts."""
    for path, text in documents().items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_documents()
