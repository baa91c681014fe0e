"""The command line: ``python -m virtual_staining <stage> …``.

A stage is a sub-package with a module ``command``, which offers ``add_arguments(parser)`` and
``run(args)``. The stages are found in the package's folder. Only the command of the stage that is
asked for is imported, so that a job starts quickly.
"""

import argparse
import errno
import importlib
import logging
import os
import re
import signal
import sys
from pathlib import Path

import virtual_staining
from virtual_staining.errors import InputError

# What the system says when a file cannot be read or written, and what helps.
FREE_SPACE = "free some space or write the results to another disk, then start again"
UNWRITABLE = {
    errno.ENOSPC: f"the disk is full; {FREE_SPACE}",
    errno.EDQUOT: f"the disk quota is used up; {FREE_SPACE}",
    errno.EFBIG: "the file grew larger than the system allows; raise the limit (`ulimit -f`) or "
    "write to another file system",
    errno.EACCES: "permission denied; change the permissions of the file or of its folder",
    errno.EPERM: "not permitted; change the permissions of the file or of its folder",
    errno.EEXIST: "stands where a folder is to be written; give another name",
    errno.ENOTDIR: "a part of this path is a file and not a folder; give another name",
    errno.EISDIR: "is a folder and not a file; give another name",
    errno.EROFS: "the file system is read-only; write the results to another place",
}
NOT_WRITTEN = re.compile(r"\d+ requested and \d+ written")  # numpy's words, which give no reason
GPU_REMEDY = (
    "the GPU's memory is full; choose a smaller batch (`train.batch`, `infer.batch_patches`, "
    "`stain.batch_patches`) or a GPU with more memory, and see with `nvidia-smi` whether another "
    "process uses it"
)
NO_MEMORY = ("DefaultCPUAllocator", "(-4:Insufficient memory)")  # torch's words, and OpenCV's
GPU_FAILED = (
    "the GPU failed or is gone; start again, on another machine where `nvidia-smi` shows none: a "
    "training continues from its last checkpoint"
)
OUTPUT_GONE = 128 + signal.SIGPIPE  # the status of any program of which `head` has read enough
MEMORY_REMEDY = (
    "the machine's memory is full; give the job more (`mem_mb` of its rule) or let fewer jobs "
    "run at once (`--resources mem_mb=…`)"
)


def find_stages() -> dict[str, str]:
    """Return every stage's name and description, in the order of the workflow.

    The description is the docstring of the stage's package. The first line starts with the number
    of the stage's results folder, which gives the order.
    """
    folder = Path(virtual_staining.__file__).parent
    names = [path.parent.name for path in folder.glob("*/command.py")]
    modules = {name: importlib.import_module(f"virtual_staining.{name}") for name in names}
    texts = {name: module.__doc__ or "" for name, module in modules.items()}
    return dict(sorted(texts.items(), key=lambda item: item[1]))


def build_parser(stage: str | None) -> argparse.ArgumentParser:
    """Return the parser; of all stages, only ``stage`` has its own arguments in it."""
    parser = argparse.ArgumentParser(
        prog="python -m virtual_staining",
        description="Run one stage of the virtual staining of 3D X-ray histology. The workflow "
        "runs each stage with the right arguments; `snakemake -n -p` prints them.",
    )
    version = f"virtual_staining {virtual_staining.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="stage", required=True, metavar="stage")
    for name, text in find_stages().items():
        command = commands.add_parser(
            name,
            help=text.splitlines()[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == stage:
            module = importlib.import_module(f"virtual_staining.{name}.command")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one stage and return the exit status; end quietly where nobody reads the output any more.

    See :func:`run_stage`.
    """
    try:
        try:
            return run_stage(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_GONE


def run_stage(argv: list[str] | None) -> int:
    """Run one stage and return the exit status.

    A problem that the user can solve (an :class:`InputError`, a full disk, too little memory) is
    printed as one sentence, and the status is 1. Any other exception is a defect of the program
    and keeps its traceback.
    """
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser(argv[0] if argv and argv[0] in find_stages() else None).parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        args.run(args)
    except Exception as error:
        sentence = explain(error, args)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 1
    return 0


def explain(error: BaseException, args: argparse.Namespace) -> str | None:
    """Return the sentence for a problem that the user can solve, or None for a defect.

    Libraries hide the system's own error behind theirs, so causes are looked at as well.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and NOT_WRITTEN.fullmatch(
        str(error.args[0] if error.args else "")
    ):
        return f"{error.filename or output_of(args)}: {UNWRITABLE[errno.ENOSPC]}"
    for code, words in UNWRITABLE.items():
        if getattr(error, "errno", None) == code or os.strerror(code) in str(error):
            return f"{getattr(error, 'filename', None) or output_of(args)}: {words}"
    if lacks_gpu_memory(error):
        return f"{output_of(args)}: {GPU_REMEDY}"
    if isinstance(error, RuntimeError) and "CUDA error" in str(error):
        return f"{output_of(args)}: {GPU_FAILED} ({str(error).splitlines()[0]})"
    if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
        return f"{output_of(args)}: {MEMORY_REMEDY}"
    cause = error.__cause__ or error.__context__
    return explain(cause, args) if cause is not None else None


def lacks_gpu_memory(error: BaseException) -> bool:
    """Tell whether torch found no room on the GPU; a process without torch used no GPU."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def output_of(args: argparse.Namespace) -> str:
    """Return what a command was to write, for messages of the system that name no file."""
    named = [getattr(args, name, None) for name in ("out", "out_dir", "results")]
    return str(next((path for path in named if path is not None), args.stage))
