"""The report of a check: a table on the screen and an HTML page of one file."""

from collections.abc import Sequence
from pathlib import Path

import jinja2

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.check.estimate import Need, hours_text, totals
from virtual_staining.check.understood import File, Sample
from virtual_staining.readers.files import size_text

HEADINGS = (
    "file",
    "read as",
    "type",
    "axes, areas",
    "voxels, pixels",
    "mm",
    "size, µm",
    "size from",
)
STAGES = ("stage", "jobs", "time", "memory of a job", "disk")
TEMPLATE = Path(__file__).with_name("page.html")


def cells(file: File) -> tuple[str, ...]:
    """Return what the table says of a file, in the order of ``HEADINGS``."""
    sizes = file.size_um[:1] if len(set(file.size_um)) == 1 else file.size_um
    return (
        file.column,
        file.container,
        file.dtype,
        file.axes or file.regions,
        " × ".join(map(str, file.shape)),
        " × ".join(f"{edge:.3g}" for edge in file.size_mm),
        ", ".join(f"{size:g}" for size in sizes),
        file.origin,
    )


def need_cells(need: Need) -> tuple[str, ...]:
    """Return what the table says of a stage, in the order of ``STAGES``."""
    memory, disk = size_text(need.memory_bytes), size_text(need.disk_bytes)
    return (need.stage, str(need.jobs), hours_text(need.hours), memory, disk)


def about(sample: Sample) -> str:
    """Return stain, material, role and way of registration of a sample."""
    return ", ".join(filter(None, (sample.stain, sample.material, sample.role, sample.mode)))


def said(sample: Sample) -> list[tuple[str, str]]:
    """Return the marks and sentences of a sample: ✗ would be refused, ! is doubtful."""
    warnings = [text for file in sample.files for text in file.warnings] + sample.warnings
    return [("✗", text) for text in sample.errors] + [("!", text) for text in warnings]


def print_report(samples: Sequence[Sample], needs: Sequence[Need]) -> None:
    """Print the table."""
    rows = [cells(file) for sample in samples for file in sample.files]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        return "  " + "  ".join(padded).rstrip()

    print(line(HEADINGS))
    for sample in samples:
        print(f"{sample.sample}: {about(sample)}" if about(sample) else sample.sample)
        for file in sample.files:
            print(line(cells(file)))
        for mark, text in said(sample):
            print(f"  {mark} {text}")
    print()
    for row in (STAGES, *map(need_cells, needs)):
        print("  " + "  ".join(text.ljust(24 if n == 0 else 16) for n, text in enumerate(row)))
    print(f"in all {totals(needs)}", flush=True)


def write_page(path: Path, sheet: str, samples: Sequence[Sample], needs: Sequence[Need]) -> None:
    """Write the same as one HTML file, atomically."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        sheet=sheet,
        headings=HEADINGS,
        samples=[
            (sample, about(sample), [(cells(file), file.path) for file in sample.files],
             said(sample)) for sample in samples
        ],
        refused=sum(bool(sample.errors) for sample in samples),
        doubtful=sum(any(mark == "!" for mark, _ in said(sample)) for sample in samples),
        stages=STAGES,
        needs=[need_cells(need) for need in needs],
        totals=totals(needs),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(page, encoding="utf-8")
