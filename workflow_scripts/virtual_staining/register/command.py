"""Registration of sections: search blocks, register sections, review results, map points.

To follow how one section is registered, read in this order:

1. ``section.py``: the whole way, from the ingested volume and slide to the files written.
2. ``similarity/``: a pose (``pose.py``), the volumes and colour classes that are compared
   (``scales.py``), and their mutual information (``mutual_information.py``).
3. ``search/single.py``: independent searches until two agree. Each takes starting poses
   (``starts.py``; without a first guess ``scan.py``), climbs from the best coarse to fine
   (``coarse_to_fine.py``, one climb in ``coordinate_ascent.py``); the agreement of the searches
   gives the confidence (``confidence.py``).
4. ``result/``: the pair (``pair.py``), doubts about it (``flags.py``), its picture (``qc.py``).

Sections of one block are first searched together (``block.py``, ``search/block/``) and then read
their planes from ``planes.json`` (``block_plane.py``). ``review.py`` gathers all registrations;
``points.py`` maps points between slide and volume. ``refine.py`` moves soft tissue alone, once
pairs and folds are there.
"""

import argparse

from virtual_staining.register import block, points, refine, review, section

ACTIONS = {
    "block": (block, "find the planes of sections that were cut parallel from one block"),
    "section": (section, "find a section's plane in its volume and write the registered pair"),
    "review": (review, "gather all registrations in one table and one page"),
    "refine": (refine, "bring the soft tissue of training slides nearer to their CT"),
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
