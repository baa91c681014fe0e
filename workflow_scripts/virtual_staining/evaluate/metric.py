"""What a file in ``metrics/`` declares about its metric, and how the metrics are found.

A metric is one file there with an object ``METRIC`` of class :class:`Metric`; it is listed nowhere
else. A file without ``METRIC`` holds functions that others use.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.errors import InputError
from virtual_staining.evaluate import metrics
from virtual_staining.evaluate.shared import SlidePair, Window
from virtual_staining.settings.evaluate import EvaluateSettings

NOTHING_NEEDED = {"measured": True, "reason": "needs nothing but the slides"}


@dataclass(frozen=True)
class PatchPairs:
    """The patches of one sample and region, of the real and of the generated slide.

    Parameters
    ----------
    real, generated : ndarray of uint8, shape (n, y, x, 3)
        Outside the region both are equal.
    region : ndarray of bool, shape (n, y, x)
        What is compared: the mask, or the stained tissue in it.
    counted : ndarray of bool, shape (n, y, x)
        The pixels that a mean over the patch takes in: all of them if the region is the mask, as in
        the paper, else the region.
    background : ndarray of uint8, shape (3,)
        Mean colour of the real slide's background.
    windows : sequence of (slice, slice)
        Where the patches lie; needed with ``slides`` alone.
    slides : SlidePair, optional
        Keeps what the regions of a slide have in common; without it nothing is kept.
    """

    real: np.ndarray
    generated: np.ndarray
    region: np.ndarray
    counted: np.ndarray
    background: np.ndarray
    windows: Sequence[Window] = ()
    slides: SlidePair | None = None

    def maps(self, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[np.ndarray]:
        """Return ``function(real, generated)`` of each patch, calculated once for all regions.

        It may be that of patches that are also different outside the region, so only values that
        depend on the region alone may be used.
        """
        if self.slides is None:
            return [function(*pair) for pair in zip(self.real, self.generated, strict=True)]
        return [self.slides.map(function, window) for window in self.windows]

    def once(self, function: Callable[[np.ndarray], Sequence], patches: np.ndarray) -> list:
        """Return a function's result for each patch, calculated once for equal patches of a sample.

        Parameters
        ----------
        function : callable
            Maps patches (n, y, x, 3) to n results. Equal callables are taken for the same.
        patches : ndarray of uint8, shape (n, y, x, 3)
            Some of ``real`` or ``generated``.
        """
        if self.slides is None:
            return list(function(patches))
        return self.slides.results.of(function, patches)


@dataclass(frozen=True)
class Needs:
    """What a metric needs beyond the slides, such as the weights of a network.

    Parameters
    ----------
    find : callable
        ``find(settings)`` decides, before anything is trained, whether the metric is measured. It
        returns a dict of JSON values with ``measured`` (bool) and ``reason`` (a sentence), and
        raises InputError with a remedy if the metric is asked for and cannot be had.
    load : callable
        ``load(record)`` takes that dict and returns the object that the metric needs.
    """

    find: Callable[[EvaluateSettings], dict]
    load: Callable[[dict], object]


@dataclass(frozen=True)
class Metric:
    """A comparison of generated with real patches.

    Parameters
    ----------
    column : MetricColumn
        How tables and figures show the metric.
    about : str
        What is measured, for the documentation.
    compute : callable
        ``compute(patches)`` takes :class:`PatchPairs` and returns an ndarray of shape (n,), NaN
        where the metric is not defined. With ``needs`` it takes the loaded object as well.
    needs : Needs, optional
    extended : bool
        Whether the metric is measured only with ``more_metrics``.
    """

    column: MetricColumn
    about: str
    compute: Callable[..., np.ndarray]
    needs: Needs | None = None
    extended: bool = False


def all_metrics() -> list[Metric]:
    """Return the metrics in the order of tables and figures."""
    modules = [
        importlib.import_module(f"{metrics.__name__}.{module.name}")
        for module in pkgutil.iter_modules(metrics.__path__)
    ]
    found = [module.METRIC for module in modules if hasattr(module, "METRIC")]
    return sorted(found, key=lambda metric: (metric.column.order, metric.column.column))


def find_needs(settings: EvaluateSettings) -> dict[str, dict]:
    """Decide which metrics are measured, and with what.

    Returns
    -------
    dict
        Metric's column to the record of its :class:`Needs`; JSON values. Extended metrics are
        absent unless ``more_metrics`` asks for them.

    Raises
    ------
    InputError
        If a metric is asked for and cannot be had.
    """
    return {
        metric.column.column: metric.needs.find(settings) if metric.needs else NOTHING_NEEDED
        for metric in all_metrics()
        if settings.more_metrics or not metric.extended
    }


def load_metrics(records: dict[str, dict]) -> dict[MetricColumn, Callable | None]:
    """Return, for each metric of the records, the function that measures it.

    Parameters
    ----------
    records : dict
        From :func:`find_needs`.

    Returns
    -------
    dict
        Description of the metric to ``compute(patches)``, or to None where it is not measured.

    Raises
    ------
    InputError
        If a metric is unknown.
    """
    known = {metric.column.column: metric for metric in all_metrics()}
    unknown = sorted(records.keys() - known.keys())
    if unknown:
        raise InputError(f"{unknown[0]}: no such metric; known: {', '.join(known)}; evaluate again")
    return {
        metric.column: _measuring(metric, records[column])
        for column, metric in known.items()
        if column in records
    }


def _measuring(metric: Metric, record: dict) -> Callable | None:
    if not record["measured"]:
        return None
    return partial(metric.compute, metric.needs.load(record)) if metric.needs else metric.compute
