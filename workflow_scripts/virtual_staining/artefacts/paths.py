"""Where the files of a study lie: every path under the config's ``results`` is spelled here once.

Placeholders in the tables of the documentation are the arguments of the methods: a sample, a volume
and a block are ids of the sample sheet, a fold is a number from 1.
"""

import os
from pathlib import Path


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


class Folder:
    """A folder whose files have fixed names.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)


def _file(name: str) -> property:
    return property(lambda folder: folder.path / name, doc=f"``{name}``.")


class RegisteredFolder(Folder):
    """What ``register section`` writes for one sample."""

    ct = _file("ct.tif")
    slide = _file("slide.tif")
    valid = _file("valid.tif")
    transform = _file("transform.json")
    tfm = _file("slide_to_volume.tfm")
    qc = _file("qc.png")


class NormalizedFolder(Folder):
    """What ``normalize`` writes for one sample."""

    ct = _file("ct.tif")
    slide = _file("slide.tif")
    stats = _file("stats.json")
    qc = _file("qc.png")


class MaskFolder(Folder):
    """What ``mask`` writes for one sample."""

    mask = _file("mask.tif")
    tissue = _file("tissue.tif")
    qc = _file("qc.png")


class SplitFolder(Folder):
    """What ``split`` writes for one stain, and ``register refine``: slides to train on."""

    folds = _file("folds.json")
    refined = _file("refined.json")
    refined_table = _file("refined.csv")
    refined_slides = _file("refined")

    def fold(self, fold: int) -> Path:
        """Return the file of one fold without the test samples, for its training."""
        return self.path / f"fold-{fold}.json"


class TrainedFolder(Folder):
    """What ``train`` writes for one model and fold.

    ``record`` says what the weights were trained on; ``resume`` holds the checkpoints of the run,
    and ``earlier`` weights and checkpoints of runs before.
    """

    generator = _file("generator.pt")
    best = _file("best")
    history = _file("history.csv")
    curves = _file("curves.png")
    record = _file("training.json")
    resume = _file("resume")
    earlier = _file("earlier")
    tensorboard = _file("tensorboard")


class StainedSlideFolder(Folder):
    """What ``infer`` writes for one sample; the CT is absent if the model makes none."""

    slide = _file("slide.tif")
    spread = _file("spread.tif")
    slide_masked = _file("slide_masked.tif")
    ct = _file("ct.tif")
    ct_masked = _file("ct_masked.tif")


class StainedFolder(Folder):
    """What ``infer`` writes for one model and fold."""

    training_patches = _file("training_patches.npz")

    def sample(self, sample: str) -> StainedSlideFolder:
        """Return the folder of one sample."""
        return StainedSlideFolder(self.path / sample)


class MetricTable:
    """A table of metrics: the rows, and beside them what the metrics' columns mean.

    Parameters
    ----------
    stem : Path
        Both files' path without its ending.
    """

    def __init__(self, stem: Path):
        self.csv = stem.with_name(f"{stem.name}.csv")
        self.json = stem.with_name(f"{stem.name}.json")


class EvaluationFolder(Folder):
    """What ``evaluate`` writes for one stain."""

    table_markdown = _file("table.md")
    table_latex = _file("table.tex")
    statistics = _file("statistics.csv")
    statistics_markdown = _file("statistics.md")
    checkpoints_markdown = _file("checkpoints.md")
    structures = _file("structures.csv")
    uncertainty = _file("uncertainty.csv")
    uncertainty_markdown = _file("uncertainty.md")
    uncertainty_images = _file("uncertainty")
    agreement = _file("agreement.csv")
    agreement_markdown = _file("agreement.md")
    volumes = _file("volumes.csv")
    volumes_markdown = _file("volumes.md")

    @property
    def patches(self) -> MetricTable:
        """All patches, one row each."""
        return MetricTable(self.path / "patches")

    @property
    def slides(self) -> MetricTable:
        """All slides, one row each: their faults."""
        return MetricTable(self.path / "slides")

    @property
    def table(self) -> MetricTable:
        """Medians of the patches."""
        return MetricTable(self.path / "table")

    def fold_patches(self, model: str, fold: int) -> MetricTable:
        """Return the patches of one fold; ``model`` may be ``references``."""
        return MetricTable(self.path / model / f"fold-{fold}")

    @property
    def checkpoints(self) -> MetricTable:
        """Medians of the kept weights on validation slides."""
        return MetricTable(self.path / "checkpoints")

    def fold_checkpoints(self, model: str, fold: int) -> MetricTable:
        """Return the patches of one fold's validation slides with every kept checkpoint."""
        return MetricTable(self.path / model / f"fold-{fold}-checkpoints")

    def fold_slides(self, model: str, fold: int) -> MetricTable:
        """Return the slides of one fold; ``model`` may be ``references``."""
        return MetricTable(self.path / model / f"fold-{fold}-slides")


class StainedVolumeFolder(Folder):
    """What ``stain`` writes for one volume."""

    zarr = _file("rgba.ome.zarr")
    tiff = _file("rgba.tif")

    def kept_slabs(self, fingerprint: str) -> Path:
        """Return the folder of finished slabs, which holds them until the volume is complete."""
        return self.path / f"slabs-{fingerprint}"

    def share(self, share: int, shares: int) -> Path:
        """Return the file that says that one of several jobs has finished its slabs."""
        return self.path / f"share-{share}-of-{shares}.done"


class DrawnVolumeFolder(Folder):
    """What ``draw`` writes for one volume."""

    orthogonal = _file("orthogonal.png")
    render = _file("render.png")
    turntable = _file("turntable.gif")
    page = _file("volume.html")


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
    def job_settings(self) -> Path:
        """Folder of the settings files that the jobs of the last run read."""
        return self.root / "settings"

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
