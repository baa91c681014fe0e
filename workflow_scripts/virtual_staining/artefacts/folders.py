"""Folders of a study whose files have fixed names."""

from pathlib import Path


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


class ScanFolder(Folder):
    """What ``levels`` writes for one volume."""

    levels = _file("levels.json")
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
    stained_sections_markdown = _file("stained_sections.md")

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

    @property
    def stained_sections(self) -> MetricTable:
        """Sections cut out of stained volumes, beside those translated directly."""
        return MetricTable(self.path / "stained_sections")

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
