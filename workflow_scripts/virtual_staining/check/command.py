"""Command line of the check."""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.check.estimate import estimate
from virtual_staining.check.headers import read_headers
from virtual_staining.check.report import print_report, write_page
from virtual_staining.errors import InputError
from virtual_staining.models.catalogue import all_models
from virtual_staining.readers.files import read_text
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.study import Study

CONFIG = Path("config.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sheet", help="sample sheet: tab-separated text, or .xlsx")
    parser.add_argument(
        "--config",
        default="",
        help="the run's configuration: a YAML or JSON file, or JSON text (default: config.yaml of "
        "the current folder, and without one the program's defaults)",
    )
    parser.add_argument("--page", type=Path, help="HTML page to write (default: none)")


def run(args: argparse.Namespace) -> None:
    """Print the table and write the page.

    Raises
    ------
    InputError
        If the sheet or the configuration is wrong, or a file of the sheet would be refused.
    """
    study = read_study(args.config)
    samples = read_headers(read_sheet(args.sheet), study)
    needs = estimate(samples, study)
    print_report(samples, needs)
    if args.page:
        write_page(args.page, str(args.sheet), samples, needs)
        print(f"the same as a page: {args.page}")
    refused = [sample.sample for sample in samples if sample.errors]
    if refused:
        listed = ", ".join(refused[:5]) + (" …" if len(refused) > 5 else "")
        raise InputError(
            f"{args.sheet}: {len(refused)} of {len(samples)} samples would be refused ({listed}); "
            "the lines marked ✗ say why"
        )


def read_study(config: str) -> Study:
    """Return the configuration of a run.

    Parameters
    ----------
    config : str
        A YAML or JSON file, or JSON text; empty for ``config.yaml``, if there is one.

    Raises
    ------
    InputError
        If it cannot be read, a value is wrong, or values contradict each other.
    """
    if not config and not CONFIG.exists():
        return Study()
    study = _study_of(config)
    if problems := study.contradictions(all_models()):
        raise InputError("\n  ".join(problems))
    return study


def _study_of(config: str) -> Study:
    source = "" if config.startswith("{") else config or str(CONFIG)
    values: Any
    try:
        values = yaml.safe_load(read_text(source)) if source else json.loads(config)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
        raise InputError(f"{source or '--config'}: cannot be read ({words})") from error
    if not isinstance(values, dict):
        raise InputError(f"{source or '--config'}: holds no keys with values")
    return from_dict(Study, values, source)
