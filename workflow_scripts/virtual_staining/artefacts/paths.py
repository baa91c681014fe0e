"""Where the files of a study lie: every path under the config's ``results`` is spelled here once.

Placeholders in the tables of the documentation are the arguments of the methods: a sample, a volume
and a block are ids of the sample sheet, a fold is a number from 1.
"""

import os
from pathlib import Path

from virtual_staining.artefacts.folders import (
    DrawnVolumeFolder,
    EvaluationFolder,
    MaskFolder,
    NormalizedFolder,
    RegisteredFolder,
    ScanFolder,
    SplitFolder,
    StainedFolder,
    StainedVolumeFolder,
    TrainedFolder,
)


def one_spelling(path: str | Path) -> str:
    """Return a path without ``.`` and ``..``, relative if it lies below the working directory.

    Snakemake knows files by their names: under another spelling of the same path it would not know
    what it has made, or would read a file again. A path that crosses a link by ``..`` is kept.
    """
    path = Path(path)
    text = os.path.normpath(path)
    if ".." in path.parts and path.exists():
        same = os.path.exists(text) and os.path.samefile(path, text)
        text = text if same else str(path)
    if os.path.isabs(text) and Path(text).is_relative_to(Path.cwd()):
        return os.path.relpath(text)
    return text


class Results:
    """The results folder of a study.

    Parameters
    ----------
    root : path
        The config's ``results``.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def __str__(self) -> str:
        """Return the path of the folder, for messages."""
        return str(self.root)

    @property
    def sheet(self) -> Path:
        """Sample sheet of the synthetic cohort."""
        return self.root / "00_cohort/samples.tsv"

    def raw_sample(self, sample: str) -> Path:
        """Folder of a synthetic sample: its raw files and the truth behind them."""
        return self.root / "00_cohort" / sample

    def volume(self, volume: str) -> Path:
        """Ingested CT volume, an OME-Zarr."""
        return self.root / "01_ingest" / volume / "ct.ome.zarr"

    def slide(self, sample: str) -> Path:
        """Ingested slide, an OME-TIFF."""
        return self.root / "01_ingest" / sample / "slide.ome.tif"

    def block_planes(self, block: str) -> Path:
        """Planes of the sections that were cut parallel from one block."""
        return self.root / "02_register/blocks" / block / "planes.json"

    def registered(self, sample: str) -> RegisteredFolder:
        """Registered pair."""
        return RegisteredFolder(self.root / "02_register" / sample)

    @property
    def registration_table(self) -> Path:
        """Table of all registrations."""
        return self.root / "02_register/registration.csv"

    @property
    def registration_page(self) -> Path:
        """Page of all registrations."""
        return self.root / "02_register/qc.html"

    @property
    def check_page(self) -> Path:
        """What `check` understood of the sheet and the headers."""
        return self.root / "check.html"

    def normalized(self, sample: str) -> NormalizedFolder:
        """Normalized pair."""
        return NormalizedFolder(self.root / "03_normalize" / sample)

    def scan(self, volume: str) -> ScanFolder:
        """Grey levels of a volume, which all its sections share."""
        return ScanFolder(self.root / "03_normalize/scans" / volume)

    def mask(self, sample: str) -> MaskFolder:
        """Correspondence mask of a pair."""
        return MaskFolder(self.root / "04_mask" / sample)

    def split(self, stain: str) -> SplitFolder:
        """Folds of a stain."""
        return SplitFolder(self.root / "05_split" / stain)

    def train_settings(self, model: str) -> Path:
        """Settings of a model's trainings."""
        return self.job_settings / f"train-{model}.json"

    @property
    def study_settings(self) -> Path:
        """The whole configuration of the last run."""
        return self.job_settings / "study.json"

    @property
    def job_settings(self) -> Path:
        """Folder of the settings files that the jobs of the last run read."""
        return self.root / "settings"

    @property
    def program(self) -> Path:
        """Record of the program's version that ran last."""
        return self.job_settings / "program.json"

    def trained(self, stain: str, model: str, fold: int) -> TrainedFolder:
        """Trained model of one fold."""
        return TrainedFolder(self.root / "06_train" / stain / model / f"fold-{fold}")

    def stained(self, stain: str, model: str, fold: int) -> StainedFolder:
        """Slides stained by the model of one fold."""
        return StainedFolder(self.root / "07_infer" / stain / model / f"fold-{fold}")

    @property
    def metrics(self) -> Path:
        """Record of which metrics are measured, and with what."""
        return self.root / "08_evaluate/metrics.json"

    def evaluation(self, stain: str) -> EvaluationFolder:
        """Metrics of a stain."""
        return EvaluationFolder(self.root / "08_evaluate" / stain)

    def figure(self, stain: str, figure: str) -> Path:
        """Figure as PNG; the SVG of the same name lies beside it."""
        return self.root / "09_figures" / stain / f"{figure}.png"

    def summary(self, stain: str) -> Path:
        """First page of the report."""
        return self.root / "09_figures" / stain / "summary.html"

    def stained_volume(self, stain: str, model: str, volume: str) -> StainedVolumeFolder:
        """Stained volume."""
        return StainedVolumeFolder(self.root / "10_stain" / stain / model / volume)

    def drawn_volume(self, stain: str, model: str, volume: str) -> DrawnVolumeFolder:
        """Return the pictures and the page of a stained volume."""
        return DrawnVolumeFolder(self.root / "11_draw" / stain / model / volume)
