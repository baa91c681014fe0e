"""Hierarchical bootstrap: samples are drawn, and then patches of each drawn sample.

Patches of one slide are alike, so drawing patches alone would give far too narrow an interval.
"""

from functools import cached_property

import numpy as np

from virtual_staining.settings.evaluate import EvaluateSettings


class Resampling:
    """The same resamples of one set of patches for every model and metric.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        The sample of each patch; the patches of all folds of a sample belong together.
    settings : EvaluateSettings
        Number of resamples, coverage and seed.
    """

    def __init__(self, samples: np.ndarray, settings: EvaluateSettings) -> None:
        self._seed = settings.bootstrap_seed
        self._resamples = settings.bootstrap_resamples
        tail = (1 - settings.bootstrap_interval) / 2
        self._tails = [tail, 1 - tail]
        self.groups = [np.flatnonzero(samples == sample) for sample in np.unique(samples)]
        self._size = len(samples)

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each resample holds each patch, int32 (resamples, n)."""
        rng = np.random.default_rng(self._seed)
        counts = np.zeros((self._resamples, self._size), np.int32)
        number = len(self.groups)
        drawn = rng.multinomial(number, np.full(number, 1 / number), self._resamples)
        for group, times in zip(self.groups, drawn.T, strict=True):
            size = len(group)
            counts[:, group] = rng.multinomial(times * size, np.full(size, 1 / size))
        return counts

    @cached_property
    def counts_within(self) -> list[np.ndarray]:
        """How often each resample of one sample holds each of its patches, for each sample."""
        rng = np.random.default_rng(self._seed)
        sizes = [len(group) for group in self.groups]
        return [rng.multinomial(n, np.full(n, 1 / n), self._resamples) for n in sizes]

    def median_interval(self, values: np.ndarray) -> tuple[float, float]:
        """Percentile interval of the median of all patches.

        Parameters
        ----------
        values : ndarray, shape (n,)
            One metric; NaN where it is not defined.

        Returns
        -------
        low, high : float
            NaN with fewer than two samples, which say nothing about other samples.
        """
        defined = ~np.isnan(values)
        if sum(defined[group].any() for group in self.groups) < 2:
            return float("nan"), float("nan")
        medians = weighted_medians(values[defined], self.counts[:, defined])
        low, high = np.nanquantile(medians, self._tails)
        return float(low), float(high)

    def mean_interval(self, values: np.ndarray) -> tuple[float, float]:
        """Percentile interval of the mean over samples of the median of their patches.

        Parameters
        ----------
        values : ndarray, shape (n,)
            As in :meth:`median_interval`.

        Returns
        -------
        low, high : float
            As in :meth:`median_interval`.
        """
        medians = []
        for group, counts in zip(self.groups, self.counts_within, strict=True):
            defined = ~np.isnan(values[group])
            if defined.any():
                medians.append(weighted_medians(values[group][defined], counts[:, defined]))
        if len(medians) < 2:
            return float("nan"), float("nan")
        rng = np.random.default_rng(self._seed)
        shape = self._resamples, len(medians)
        drawn, which = rng.integers(len(medians), size=shape), rng.integers(shape[0], size=shape)
        low, high = np.nanquantile(np.array(medians)[drawn, which].mean(axis=1), self._tails)
        return float(low), float(high)


def weighted_medians(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the median of values that occur several times, for each row of counts.

    Parameters
    ----------
    values : ndarray, shape (n,)
    counts : ndarray of int, shape (rows, n)

    Returns
    -------
    ndarray, shape (rows,)
        NaN where a row counts nothing.
    """
    order = np.argsort(values)
    below = np.cumsum(counts[:, order], axis=1)
    total = below[:, -1]
    middles = [(below <= k[:, None]).sum(axis=1) for k in ((total - 1) // 2, total // 2)]
    ordered = np.append(values[order], np.nan)
    return (ordered[middles[0]] + ordered[middles[1]]) / 2
