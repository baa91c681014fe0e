"""Registration of sections: search blocks, register sections, review results, map points."""

import argparse

from virtual_staining.register import block, points, review, section

ACTIONS = {
    "block": (block, "find the planes of sections that were cut parallel from one block"),
    "section": (section, "find a section's plane in its volume and write the registered pair"),
    "review": (review, "gather all registrations in one table and one page"),
    "points": (points, "map points of a slide to the volume, or of the volume to a slide"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name, (module, summary) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary)
        module.add_arguments(action)
        action.set_defaults(action_run=module.run)


def run(args: argparse.Namespace) -> None:
    """Run the action asked for."""
    args.action_run(args)
