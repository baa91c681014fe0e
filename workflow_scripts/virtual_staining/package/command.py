"""``package``: complete, show, export and import a generator file."""

import argparse
import json
from pathlib import Path

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.paths import Results
from virtual_staining.errors import InputError
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True)
    complete = actions.add_parser(
        "complete",
        help="write into a generator file what its networks were trained on",
        description="Copy weights that a training kept, and state in the file the stain, voxel "
        "size, thickness, grey levels, samples and validation losses of the training.",
    )
    complete.add_argument("--weights", required=True, help="weights that the training kept, …pt")
    complete.add_argument("--results", type=Results, required=True, help="results of the study")
    complete.add_argument("--stain", required=True, help="stain of the training")
    complete.add_argument("--model", required=True, help="model that was trained")
    complete.add_argument("--fold", type=int, required=True, help="number of the fold, from 1")
    complete.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    complete.add_argument("--mask", required=True, help=MaskSettings.argument_help())
    complete.add_argument(
        "--section-thickness-um",
        type=float,
        required=True,
        help="thickness that the training pairs' CT was averaged through, µm",
    )
    complete.add_argument("--out", required=True, help="generator.pt to write")
    show = actions.add_parser(
        "show",
        help="print what a generator file states, as JSON",
        description="Print all that a generator file states in words and numbers.",
    )
    show.add_argument("--model", required=True, help="generator.pt")
    export = actions.add_parser(
        "export",
        help="make a package of the BioImage Model Zoo",
        description="Write a package of the BioImage Model Zoo, which other programs run, and "
        "check it with the zoo's validator. Needs the extra `bioimageio`.",
    )
    export.add_argument("--model", required=True, help="generator.pt")
    export.add_argument(
        "--example", required=True, help="normalized CT plane, 03_normalize/…/ct.tif"
    )
    export.add_argument("--licence", required=True, help="SPDX identifier, such as CC-BY-4.0")
    export.add_argument("--author", required=True, action="append", help="name; may be repeated")
    export.add_argument("--doi", default="", help="of the publication to cite")
    export.add_argument(
        "--hash-samples", action="store_true", help="replace the sample ids by hashes"
    )
    export.add_argument("--out", required=True, type=Path, help="package to write, …zip")
    take = actions.add_parser(
        "import",
        help="take the generator file out of a package",
        description="Take generator.pt out of a package that `package export` has written.",
    )
    take.add_argument("--package", required=True, help="…zip that `export` has written")
    take.add_argument("--out", required=True, type=Path, help="generator.pt to write")


def run(args: argparse.Namespace) -> None:
    """Run one action.

    Raises
    ------
    InputError
        If a file is missing or not what the action needs.
    """
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.artefacts.generator_file import read_description, state_trained_on
    from virtual_staining.package.bioimage import Rights, export_package, import_package
    from virtual_staining.package.study_facts import facts_of_study

    if args.action == "complete":
        fold = read_fold(args.results.split(args.stain).fold(args.fold), args.fold)
        settings = (
            read_settings(NormalizeSettings, args.normalize),
            read_settings(MaskSettings, args.mask),
        )
        facts = facts_of_study(
            args.results,
            fold,
            (args.model, args.fold),
            args.weights,
            settings,
            args.section_thickness_um,
        )
        state_trained_on(args.weights, facts, args.out)
    elif args.action == "show":
        print(json.dumps(read_description(args.model), indent=2))
    elif args.action == "export":
        if args.out.suffix != ".zip":
            raise InputError(f"package: --out: {args.out} must end in .zip")
        rights = Rights(args.author, args.licence, args.doi)
        export_package(args.model, args.example, rights, args.hash_samples, args.out)
    else:
        import_package(args.package, args.out)
