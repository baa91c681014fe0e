"""The error sentences of failed jobs, repeated at the end of a run."""

from pathlib import Path

SENTENCE = "error: "  # with which every command begins the sentence that it ends with


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
