"""SLURM jobs that an earlier, killed Snakemake left in the queue."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

FIELDS = "%i|%T|%Z|%k"  # id, state, working directory, comment


def queued_jobs(folder: str | Path) -> list[tuple[str, str, str]]:
    """Return (id, state, comment) of the user's SLURM jobs that work in a folder.

    The comment is how Snakemake's executor names what a job makes:
    ``rule_<rule>_wildcards_<values>``, or ``rule_<group>``. Nothing is returned where there is no
    SLURM, or none that answers: what needs it will say so itself.
    """
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--format", FIELDS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line.split("|", 3) for line in done.stdout.splitlines()]
    return [
        (number, state, comment)
        for number, state, place, comment in rows
        if Path(place) == Path(folder)
    ]


def refusal(queued: Iterable[tuple[str, str, str]], wanted: set[str]) -> str | None:
    """Say which queued jobs already make what is wanted, and what to do; None if none does.

    Parameters
    ----------
    queued : iterable of (id, state, comment)
        From :func:`queued_jobs`.
    wanted : set of str
        Numbers that Snakemake remembers of the jobs it would submit, and their comments.
    """
    stale = [job for job in queued if job[0] in wanted or job[2] in wanted]
    if not stale:
        return None
    lines = [f"  job {number} ({state}): {comment}" for number, state, comment in stale]
    numbers = " ".join(number for number, _, _ in stale)
    return "\n".join(
        [
            "SLURM jobs of an earlier run still make what this run would make again:",
            *lines,
            "Wait until they have ended (squeue --me): what they finish is kept. Or end them with",
            f"  scancel {numbers}",
            "and start again.",
        ]
    )
