"""``evaluate sections``: sections cut out of stained volumes, compared with the real slides."""

import argparse

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.patches import in_metric_order, write_metric_table
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.evaluate.arguments import add_results, comparison_of
from virtual_staining.evaluate.stained_sections import markdown as sections_markdown
from virtual_staining.evaluate.stained_sections import measure_stained_sections
from virtual_staining.settings.evaluate import EvaluateSettings


def add_arguments(actions: argparse._SubParsersAction) -> None:
    """Add ``sections`` to the stage's actions."""
    sections = actions.add_parser(
        "sections",
        help="measure sections cut out of stained volumes",
        description="Cut sections out of their stained volumes at their own places, and compare "
        "these cuts and the planes translated directly with the real slides, as `patches` does.",
    )
    add_results(sections)
    sections.add_argument("--stain", required=True, help="stain of the slides")
    sections.add_argument("--model", required=True, help="model that stained the volumes")
    sections.add_argument(
        "--folds", required=True, nargs="+", type=int, help="folds whose networks stained them"
    )
    sections.add_argument("--sections", required=True, nargs="+", help="samples of the volumes")
    sections.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    sections.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    sections.set_defaults(action_run=run_sections, tile_step_px=1)  # of seams, not measured here


def run_sections(args: argparse.Namespace) -> None:
    """Compare sections cut out of stained volumes, and planes translated directly, with slides."""
    path, folder = args.results.split(args.stain).folds, args.results.evaluation(args.stain)
    folds = {number: read_fold(path, number) for number in args.folds}
    comparison = comparison_of(args)
    table = measure_stained_sections(args.results, folds, args.model, args.sections, comparison)
    metrics = in_metric_order(comparison.metrics)
    write_metric_table(folder.stained_sections.csv, table, metrics)
    with replacing(folder.stained_sections_markdown) as temporary:
        temporary.write_text(sections_markdown(table, metrics), encoding="utf-8")
