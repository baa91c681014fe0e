"""Division of samples into folds of equal material ratios; a group is never divided."""

import logging
import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from virtual_staining.artefacts.folds import check_folds
from virtual_staining.errors import InputError

log = logging.getLogger(__name__)

# Stratification with groups is greedy, so its result depends on the order of the groups. The most
# even result of this many seeded orders is taken.
TRIALS = 50


def make_folds(samples: pd.DataFrame, n_folds: int, seed: int) -> list[list[str]]:
    """Divide samples into validation sets of similar material ratios, without dividing a group.

    If each group is a single sample, the sets' sizes differ by at most one, and so do the counts
    of each material: 36 Mg, 5 Ti and 9 PEEK in five folds give ten samples each, in the ratio
    7:1:2 as far as the counts can be divided (paper 2.4).

    Parameters
    ----------
    samples : DataFrame
        One row for each sample, indexed by id, columns ``material`` and ``group``. The order of
        the rows does not matter.
    n_folds : int
        Number of folds.
    seed : int
        The same seed and samples give the same folds.

    Returns
    -------
    list of list of str
        Sorted ids of each fold's validation set.

    Raises
    ------
    InputError
        As in :func:`~virtual_staining.artefacts.folds.check_folds`, or if the groups are too
        unequal.
    """
    samples = samples.sort_index()
    check_folds(samples, n_folds)
    _warn_of_rare_materials(samples, n_folds)
    if samples["group"].is_unique:
        labels = _divide_samples(samples["material"], n_folds, seed)
    else:
        labels = _divide_groups(samples, n_folds, seed)
    return [sorted(samples.index[labels == fold]) for fold in range(n_folds)]


def _warn_of_rare_materials(samples: pd.DataFrame, n_folds: int) -> None:
    """Log a warning for each material that cannot occur in every fold."""
    for material, groups in samples.groupby("material")["group"].nunique().items():
        if groups < n_folds:
            log.warning(
                "material %s has %d group(s) for %d folds, so some folds validate without it",
                material or "(none)",
                groups,
                n_folds,
            )


def _divide_samples(materials: pd.Series, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each sample if every sample is a group of its own.

    The samples are shuffled, sorted by material and assigned to the folds in turn, so that fold
    sizes and material counts both differ by at most one.
    """
    order = np.random.default_rng(seed).permutation(len(materials))
    order = order[np.argsort(materials.to_numpy()[order], kind="stable")]
    labels = np.empty(len(materials), int)
    labels[order] = np.arange(len(materials)) % n_folds
    return labels


def _divide_groups(samples: pd.DataFrame, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each sample if groups hold several; the most even of ``TRIALS`` orders."""
    materials, groups = samples["material"].to_numpy(), samples["group"].to_numpy()
    rng = np.random.default_rng(seed)
    best, least = None, np.inf
    for _ in range(TRIALS):
        state = int(rng.integers(2**31))
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=state)
        labels = np.empty(len(samples), int)
        with warnings.catch_warnings():  # rare materials have been reported already
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            for fold, (_, validation) in enumerate(splitter.split(materials, materials, groups)):
                labels[validation] = fold
        uneven = unevenness(labels, materials, n_folds)
        if uneven < least:
            best, least = labels, uneven
    if best is None:
        raise InputError(
            f"split: the groups are too unequal for {n_folds} folds, one would be empty; lower "
            "split.folds or name smaller groups in the sheet"
        )
    return best


def unevenness(labels: np.ndarray, materials: np.ndarray, n_folds: int) -> float:
    """Return the sum of squared deviations from equal fold sizes and equal material counts.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Fold of each sample.
    materials : ndarray of str, shape (n,)
        Material of each sample.
    n_folds : int
        Number of folds.

    Returns
    -------
    float
        0 when every fold has the same count of every material; infinite for an empty fold.
    """
    sizes = np.bincount(labels, minlength=n_folds)
    if (sizes == 0).any():
        return np.inf
    counts = [np.bincount(labels[materials == m], minlength=n_folds) for m in set(materials)]
    return float(sum(((count - count.mean()) ** 2).sum() for count in [sizes, *counts]))
