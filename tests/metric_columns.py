"""Made-up metrics for tests of tables and figures, which know no metric by name."""

from virtual_staining.artefacts.patches import MetricColumn

SIMILARITY = MetricColumn("similarity", "Similarity", "", True, 2, order=1)
DISTANCE = MetricColumn("distance", "Distance", "", False, 2, order=2)
RATIO = MetricColumn("ratio_db", "Ratio", "dB", True, 1, order=3)
COLUMNS = [SIMILARITY, DISTANCE, RATIO]
