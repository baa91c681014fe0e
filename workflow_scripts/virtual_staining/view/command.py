"""Command: serve a results folder to the browser of this machine."""

import argparse
import contextlib
import webbrowser

from virtual_staining.artefacts.paths import Results
from virtual_staining.errors import InputError
from virtual_staining.view.server import serve
from virtual_staining.view.volumes import found_volumes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("results", type=Results, help="results folder of the study")
    parser.add_argument(
        "--port", type=int, default=0, help="port of this machine (default: any free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address only")


def run(args: argparse.Namespace) -> None:
    """Serve the folder until Ctrl-C is pressed.

    Raises
    ------
    InputError
        If the folder has no stained volumes, or the port is taken.
    """
    if not found_volumes(args.results):
        raise InputError(
            f"{args.results}: no stained volumes (10_stain/*/*/*/rgba.ome.zarr) are there; give "
            "the results folder, the one that holds 10_stain, or run `snakemake volumes`"
        )
    if not 0 <= args.port <= 65535:
        raise InputError(f"view: --port: {args.port} must be from 0 to 65535")
    with serve(args.results, args.port) as (server, address):
        print(f"{address}  (Ctrl-C ends)", flush=True)
        if not args.no_browser:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
