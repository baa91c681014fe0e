"""Error of the optical density of the slide's second stain."""

from functools import partial

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric
from virtual_staining.evaluate.metrics.stain_density import density_errors

METRIC = Metric(
    MetricColumn("stain_2_error_od", "Stain 2 error", "OD", False, 3, order=54),
    "mean error of the optical density of the redder stain, split after Macenko et al. 2009",
    partial(density_errors, stain=1),
    extended=True,
)
