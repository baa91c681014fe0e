"""Stops a run whose losses or weights are no finite numbers, and says where to look."""

from collections.abc import Iterator
from contextlib import contextmanager

from virtual_staining.errors import InputError
from virtual_staining.models.model import Model
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.history import Progress


class Diverged(Exception):
    """A loss or a weight is no finite number; arguments: which, and the patches of the step."""


def refuse_spoilt_weights(model: Model) -> None:
    """Stop the run if a weight is no finite number; finite losses do not exclude that.

    Raises
    ------
    Diverged
        If a weight is no finite number.
    """
    if not model.is_finite():
        raise Diverged("weights not finite", "found before that step")


@contextmanager
def explained_divergence(progress: Progress, resume: ResumeFolder) -> Iterator[None]:
    """Turn a divergence inside the block into an error for the user.

    Raises
    ------
    InputError
        Naming the step, its patches and the last good checkpoint.
    """
    try:
        yield
    except Diverged as error:
        losses, patches = error.args
        raise InputError(
            f"training diverged: {losses} at epoch {progress.epoch}, step {progress.step + 1} "
            f"({patches}); last good checkpoint: {resume.newest or 'none yet'}. Look at the "
            "normalized images and masks there, or lower train.learning_rate"
        ) from error
