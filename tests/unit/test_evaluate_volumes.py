"""The table of stained volumes says where a column cannot be meant."""

import pandas as pd

from virtual_staining.evaluate.structures.measures import measures
from virtual_staining.evaluate.structures.volumes import markdown


def test_a_layer_as_large_as_its_implant_is_said_to_be_none():
    columns = measures([100.0], 2, dimensions=3)
    table = pd.DataFrame({one.column: [10.0, 7.0] for one in columns})
    table["degraded_mm3"] = [10.0, 0.6]
    about = {"stain": "toluidine_blue", "model": "pix2pix", "volume": ["P", "M"], "voxel_um": 20.0}
    text = markdown(table.assign(**about), columns)
    assert "**P: the dark layer takes 50% of implant and layer." in text
    assert "**M:" not in text and "| Residual metal (mm³) | 10.00 | 7.00 |" in text
