"""The map slide → volume as an ITK transform file, for other programs."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.imaging.geometry import SectionMap

UM_PER_MM = 1000.0


def write_tfm(path: str | Path, slide_to_volume: SectionMap) -> None:
    """Write a map slide → volume as an ITK transform, atomically.

    ITK, SimpleITK and 3D Slicer read it: ``AffineTransform_double_3_3``, mm, centre of rotation
    at the origin. It takes slide points (x, y, 0) to volume points (x, y, z), both from the outer
    corner of the image's first pixel or voxel, along its columns, rows and slices. A slide point's
    third coordinate is its distance from the plane along ``u × v``, which makes the map
    invertible.

    Points of ITK images are in these coordinates if the images are given

    - volume of voxel size ``s`` mm: spacing ``(s, s, s)``, origin ``(s/2, s/2, s/2)`` (the centre
      of the first voxel), direction: identity;
    - slide of pixel size ``p`` mm, one slice: spacing ``(p, p, t)`` with any thickness ``t``,
      origin ``(p/2, p/2, 0)``, direction: identity.

    This holds for every level of their pyramids, with the voxel or pixel size of that level.
    Resampling the volume onto the slide with this transform (``sitk.Resample(volume, slide,
    transform)``) cuts out the section's plane. In 3D Slicer the volume lies on the slide if it is
    put under this transform.

    Parameters
    ----------
    path : path
        Ends in ``.tfm``.
    slide_to_volume : SectionMap
        Slide µm to volume µm; ``u`` and ``v`` not parallel.
    """
    matrix = np.stack([slide_to_volume.u, slide_to_volume.v, slide_to_volume.normal], axis=1)
    shift_mm = np.asarray(slide_to_volume.origin_um) / UM_PER_MM
    lines = (
        "#Insight Transform File V1.0",
        "#Transform 0",
        "Transform: AffineTransform_double_3_3",
        f"Parameters: {_numbers([*matrix.ravel(), *shift_mm])}",
        "FixedParameters: 0 0 0",
        "",
    )
    # Not by ITK itself, which does not say when the disk has no room for the file.
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="ascii")


def _numbers(values: Iterable[float]) -> str:
    """Return numbers with all digits that tell them apart, between spaces."""
    return " ".join(repr(float(value)) for value in values)
