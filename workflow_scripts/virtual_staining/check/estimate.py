"""What a run takes on this machine: time, memory and disk, to the order of magnitude.

The speeds are those of one core, measured with the demo and the benchmarks (docs/benchmarks.md).
Another machine may be three times faster or slower.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virtual_staining.check.understood import Sample
from virtual_staining.readers.files import size_text
from virtual_staining.runtime import cpu_count, free_memory_bytes
from virtual_staining.settings.study import Study

START_S = 3.0  # of a job, until its libraries are loaded
INGEST_VOXELS = 2e7  # raw voxels a second and core
SEARCH_S = {"auto": 12.0, "initial_pose": 8.0, "fixed": 3.0}  # of a section
PAIR_S = 15.0  # normalization and mask of a section
STEP_S = 28.0  # of the paper's paired CycleGAN: 4 patches of 256 pixels, 64 features, 2 cores
STEP_MEMORY = 6.7 * 2**30
UNET = 0.15  # of a step of the ResNet
UNPAIRED = {"pix2pix": 0.3}  # of a step of the CycleGANs
TILES = 1.25  # of 256 pixels a second and core, of the paper's ResNet
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
    cores = cpu_count()
    sections = [sample for sample in samples if sample.file("slide")]
    needs = [_ingest(samples, study, cores), _pairs(sections, study, cores)]
    return needs + _trained(samples, sections, study, cores)


def totals(needs: Sequence[Need]) -> str:
    """Return a sentence that sums up all stages, with what this machine has."""
    hours, disk = sum(n.hours for n in needs), sum(n.disk_bytes for n in needs)
    memory = max((n.memory_bytes for n in needs), default=0)
    free = shutil.disk_usage(Path.cwd()).free
    return (
        f"about {hours_text(hours)}, {size_text(memory)} of memory for the largest job and "
        f"{size_text(disk)} of disk; this machine has {cpu_count()} cores, "
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


def _ingest(samples: Sequence[Sample], study: Study, cores: int) -> Need:
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


def _pairs(sections: Sequence[Sample], study: Study, cores: int) -> Need:
    seconds = sum(SEARCH_S[sample.mode] + PAIR_S for sample in sections)
    pixels = sum(
        math.prod(1000 * edge / study.ingest.voxel_size_um for edge in slide.size_mm)
        for sample in sections if (slide := sample.file("slide")) and slide.size_mm
    )  # fmt: skip
    return Need("registered pairs", len(sections), seconds / cores / 3600, GIB, 12 * pixels)


def _trained(
    samples: Sequence[Sample], sections: Sequence[Sample], study: Study, cores: int
) -> list[Need]:
    """Return what training and staining take."""
    needs, train = [], study.train
    scale = (train.features / 64) ** 2 * (train.patch_px / 256) ** 2
    scale *= UNET if train.generator == "unet" else 1.0
    jobs, seconds, folds = 0, 0.0, study.fold_numbers()
    for stain in sorted({sample.stain for sample in sections}):
        pairs = [s for s in sections if s.stain == stain and s.role == "crossval"]
        if len(pairs) < study.split.folds:
            continue
        training = len(pairs) * (1 - 1 / max(2, study.split.folds))
        for model in study.models_of(stain):
            settings = study.training(model)
            steps = settings.epochs * settings.patches_per_pair * training / settings.batch
            step_s = STEP_S * 2 / cores * settings.batch / 4 * scale * UNPAIRED.get(model, 1.0)
            jobs += len(folds)
            seconds += len(folds) * steps * step_s
    if not jobs:
        return []
    memory = GIB + STEP_MEMORY * train.batch / 4 * train.features / 64 * (train.patch_px / 256) ** 2
    needs.append(Need("training, without a GPU", jobs, seconds / 3600, memory, jobs * GIB / 10))
    stained = [
        working_voxels(v, study) for v in _volumes(samples).values()
        if study.stain.volumes == "all" or v.volume_id in study.stain.volumes
        or (study.stain.volumes == "test" and (v.role == "test" or v.file("slide") is None))
    ]  # fmt: skip
    overlap = 1.0 if study.stain.whole_planes else (study.stain.patch_px / study.stain.step_px) ** 2
    tile_s = overlap * (train.features / 64) ** 2 / (TILES * 256**2) / cores
    tile_s *= (UNET if train.generator == "unet" else 1.0) * len(study.stain.folds)
    hours = (START_S * len(stained) + tile_s * sum(stained)) / 3600
    disk = 4 * (1 + PYRAMID * COMPRESSED) * sum(stained)
    needs.append(Need("stained volumes", len(stained), hours, 2 * GIB, disk))
    return needs
