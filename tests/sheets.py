"""Sample sheets whose raw files exist, but are empty."""

from pathlib import Path

import pandas as pd

SHEET = {"stain": "s", "material": "Mg", "role": "crossval", "voxel_size_um": "5",
         "slide_pixel_um": "1", "volume": "v.tif"}  # fmt: skip


def write_sheet(folder: Path, *rows: dict) -> Path:
    """Write a sheet of some rows, other columns as in ``SHEET``, and touch the raw files."""
    table = pd.DataFrame([{**SHEET, "slide": f"{row['sample']}.png", **row} for row in rows])
    table.fillna("").to_csv(folder / "samples.tsv", sep="\t", index=False)
    for name in {*table["slide"], *table["volume"]} - {""}:
        (folder / name).touch()
    return folder / "samples.tsv"
