"""The error sentences of failed jobs, repeated at the end of a run."""

from collections.abc import Iterable
from pathlib import Path

SENTENCE = "error: "  # with which every command begins the sentence that it ends with
TRACEBACK = "Traceback (most recent call last)"


def error_sentences(logs: str | Path, since: float) -> list[str]:
    """Return the error sentence of each job's log that has been written since a moment.

    Parameters
    ----------
    logs : path
        Folder of the jobs' logs.
    since : float
        Time stamp, seconds.

    Returns
    -------
    list of str
        ``path of the log: sentence``; a log that ends otherwise is not named.
    """
    said = []
    for path in sorted(Path(logs).rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith(SENTENCE)]
        if starts:
            sentence = " ".join(line.strip() for line in lines[starts[-1] :])
            said.append(f"{path}: {sentence.removeprefix(SENTENCE)}")
    return said


def silent_ends(logs: Iterable[str | Path]) -> list[str]:
    """Return a sentence for each failed job that ended without a word of its own.

    A program that the system kills cannot say so.

    Parameters
    ----------
    logs : iterable of path
        Logs of failed jobs; those that are not there are passed over.
    """
    said = []
    for path in map(Path, logs):
        if not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(line.startswith((SENTENCE, TRACEBACK)) for line in lines):
            continue
        last = f"the last line of its log: {lines[-1].strip()}" if lines else "its log is empty"
        said.append(
            f"{path}: the job was ended from outside, as happens where the memory is full or the "
            f"time is over ({last}); give its rule more (`mem_mb`, `runtime`), or let fewer jobs "
            "run at once (`--resources mem_mb=…`), and start again"
        )
    return said
