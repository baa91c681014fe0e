"""What a run takes on this machine: time, memory and disk, to the order of magnitude.

The speeds are those of one core of one machine. The training steps and the registration were timed
there in a run of the demo; the seconds of tables, figures and pictures are chosen so that the sum
agrees with that run. :mod:`virtual_staining.check.machine` measures how fast this machine is.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virtual_staining.check.machine import core_speed
from virtual_staining.check.understood import Sample
from virtual_staining.readers.files import size_text
from virtual_staining.runtime import cpu_count, free_memory_bytes
from virtual_staining.settings.study import Study

START_S = 3.0  # of a job, until its libraries are loaded
INGEST_VOXELS = 2e7  # raw voxels a second and core
SEARCH_S = {"auto": 12.0, "initial_pose": 8.0, "fixed": 3.0}  # of a section
PAIR_S = 15.0  # normalization and mask of a section
STEP_S = 56.0  # of the paper's paired CycleGAN: 4 patches of 256 pixels, 64 features
STEP_MEMORY = 6.7 * 2**30
# Between products, whose number is that of the features squared, and what is read and written.
FEATURES_POWER = 1.5
UNET = {"half": 0.15, "full": 0.33}  # of a step of the ResNet, by `train.head`
UNPAIRED = {"pix2pix": 0.3}  # of a step of the CycleGANs
TILES = 1.25  # of 256 pixels a second and core, of the paper's ResNet
FLIPS = 4  # mirror images of which the mean is shown
SCORED_S = 3.0  # of a section in a row of the tables: every metric of every patch and region
REFERENCES = 6  # rows of stains without a network
TABLES_S = 150.0  # of a stain's tables and figures, some twenty jobs
DRAW_S = 60.0  # pictures and page of a stained volume
PYRAMID = 8 / 7
COMPRESSED = 0.7  # of a noisy volume
GIB = 2**30


@dataclass(frozen=True)
class Need:
    """What one stage takes.

    Parameters
    ----------
    stage : str
        Its name.
    jobs : int
        How many jobs it has.
    hours : float
        Of this machine's cores together.
    memory_bytes : float
        Of the largest job.
    disk_bytes : float
        Written in all.
    """

    stage: str
    jobs: int
    hours: float
    memory_bytes: float
    disk_bytes: float


def estimate(samples: Sequence[Sample], study: Study) -> list[Need]:
    """Return what each stage takes, those that train and stain only where there are folds."""
    cores = cpu_count() * core_speed()
    sections = [sample for sample in samples if sample.file("slide")]
    needs = [_ingest(samples, study, cores), _pairs(sections, study, cores)]
    return needs + _trained(samples, sections, study, cores)


def totals(needs: Sequence[Need]) -> str:
    """Return a sentence that sums up all stages, with what this machine has."""
    hours, disk = sum(n.hours for n in needs), sum(n.disk_bytes for n in needs)
    memory = max((n.memory_bytes for n in needs), default=0)
    free = shutil.disk_usage(Path.cwd()).free
    return (
        f"about {hours_text(hours)} (to a factor of two), {size_text(memory)} of memory for the "
        f"largest job and {size_text(disk)} of disk; this machine has {cpu_count()} cores, "
        f"{size_text(free_memory_bytes())} of memory and {size_text(free)} of disk free"
    )


def hours_text(hours: float) -> str:
    """Return a time in words."""
    if hours < 1:
        return f"{max(1, math.ceil(60 * hours))} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def working_voxels(sample: Sample, study: Study) -> float:
    """Return the number of voxels of a sample's volume at the working size, 0 if not known."""
    volume = sample.file("volume")
    if volume is None or not volume.size_mm:
        return 0.0
    return math.prod(1000 * edge / study.ingest.voxel_size_um for edge in volume.size_mm)


def _volumes(samples: Sequence[Sample]) -> dict[str, Sample]:
    return {s.volume_id: s for s in reversed(samples) if s.file("volume") is not None}


def _ingest(samples: Sequence[Sample], study: Study, cores: float) -> Need:
    volumes = _volumes(samples).values()
    raw = [math.prod(v.files[0].shape) for v in volumes if v.files[0].shape]
    slides = [s for sample in samples if (s := sample.file("slide")) and s.size_mm]
    pixels = [
        math.prod(1000 * edge / max(study.ingest.slide_pixel_um, *slide.size_um)
                  for edge in slide.size_mm) for slide in slides
    ]  # fmt: skip
    written = 2 * PYRAMID * COMPRESSED * sum(working_voxels(v, study) for v in volumes)
    jobs = len(volumes) + len(slides)
    stored = sum(math.prod(slide.shape) for slide in slides)
    seconds = START_S * jobs + (sum(raw) + stored) / INGEST_VOXELS
    memory = max([GIB, *(8 * n for n in pixels)])
    return Need("ingest", jobs, seconds / cores / 3600, memory, written + sum(pixels))


def _pairs(sections: Sequence[Sample], study: Study, cores: float) -> Need:
    seconds = sum(SEARCH_S[sample.mode] + PAIR_S for sample in sections)
    pixels = sum(
        math.prod(1000 * edge / study.ingest.voxel_size_um for edge in slide.size_mm)
        for sample in sections if (slide := sample.file("slide")) and slide.size_mm
    )  # fmt: skip
    return Need("registered pairs", len(sections), seconds / cores / 3600, GIB, 12 * pixels)


def _trained(
    samples: Sequence[Sample], sections: Sequence[Sample], study: Study, cores: float
) -> list[Need]:
    """Return what training and staining take."""
    needs, train = [], study.train
    scale = _network_scale(study) * (train.patch_px / 256) ** 2
    jobs, seconds, rows, folds = 0, 0.0, 0, study.fold_numbers()
    stains = 0
    for stain in sorted({sample.stain for sample in sections}):
        pairs = [s for s in sections if s.stain == stain and s.role == "crossval"]
        if len(pairs) < study.split.folds:
            continue
        training = len(pairs) * (1 - 1 / max(2, study.split.folds))
        shown = sum(s.stain == stain for s in sections) - training  # validation and test
        models = study.models_of(stain)
        for model in models:
            settings = study.training(model)
            steps = settings.epochs * settings.patches_per_pair * training / settings.batch
            step_s = STEP_S * settings.batch / 4 * scale * UNPAIRED.get(model, 1.0)
            jobs += len(folds)
            seconds += len(folds) * (START_S + steps * step_s)
        rows += len(folds) * shown * (len(models) + REFERENCES)
        stains += 1
    if not jobs:
        return []
    memory = GIB + STEP_MEMORY * train.batch / 4 * train.features / 64 * (train.patch_px / 256) ** 2
    needs.append(
        Need("training, without a GPU", jobs, seconds / cores / 3600, memory, jobs * GIB / 10)
    )
    seconds = rows * SCORED_S + stains * TABLES_S
    needs.append(Need("tables and figures", stains * 20, seconds / cores / 3600, GIB, GIB / 10))
    return [*needs, _stained(samples, study, cores)]


def _stained(samples: Sequence[Sample], study: Study, cores: float) -> Need:
    """Return what the stained volumes and their pictures take."""
    stain = study.stain
    voxels = [
        working_voxels(v, study) for v in _volumes(samples).values()
        if stain.volumes == "all" or v.volume_id in stain.volumes
        or (stain.volumes == "test" and (v.role == "test" or v.file("slide") is None))
    ]  # fmt: skip
    repeats = 1.0 if stain.whole_planes else (stain.patch_px / stain.step_px) ** 2
    repeats *= len(stain.folds) * len(stain.axes) * (FLIPS if stain.flips else 1)
    seconds = repeats * _network_scale(study) / (TILES * 256**2) * sum(voxels)
    seconds += (2 * START_S + DRAW_S) * len(voxels)
    disk = 4 * (1 + PYRAMID * COMPRESSED) * sum(voxels)
    return Need("stained volumes", len(voxels), seconds / cores / 3600, 2 * GIB, disk)


def _network_scale(study: Study) -> float:
    """Return how long a generator of the study takes against the paper's ResNet."""
    train = study.train
    unet = UNET[train.head] if train.generator == "unet" else 1.0
    return unet * (train.features / 64) ** FEATURES_POWER
