"""The command line: ``python -m virtual_staining <stage> …``.

Each stage's ``command`` module offers ``add_arguments(parser)`` and ``run(args)``; only the stage
that is asked for is imported, so that a job starts quickly.
"""

import argparse
import importlib
import logging
import sys

from virtual_staining.errors import InputError

STAGES = {
    "cohort": "make a synthetic sample with known truth",
    "ingest": "bring raw volumes and slides to the working formats and sizes",
    "register": "find the section's plane in the volume and resample the pair",
    "normalize": "set bone and background to common grey and colour levels",
    "mask": "outline where CT and section show the same tissue",
    "split": "make cross-validation folds",
    "train": "train one model on one fold",
    "infer": "stain whole slides from overlapping tiles",
    "evaluate": "measure SSIM, PSNR and LPIPS and tabulate them",
    "figures": "draw the figures",
    "stain": "stain a whole volume",
    "example": "bring the real mouse-brain data and write their sample sheet",
}


def build_parser(stage: str | None) -> argparse.ArgumentParser:
    """Return the parser; only ``stage``'s own arguments are loaded."""
    parser = argparse.ArgumentParser(prog="python -m virtual_staining", description=__doc__)
    commands = parser.add_subparsers(dest="stage", required=True, metavar="stage")
    for name, summary in STAGES.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == stage:
            module = importlib.import_module(f"virtual_staining.{name}.command")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one stage; return the exit status (1 for a problem in the user's input)."""
    argv = sys.argv[1:] if argv is None else argv
    stage = argv[0] if argv and argv[0] in STAGES else None
    args = build_parser(stage).parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        args.run(args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
