"""The raw containers that microscopes and beamlines leave behind."""

import errno
import math
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import h5py
import numpy as np
import tifffile

from virtual_staining.artefacts.storage.ome import ome_metadata
from virtual_staining.cohort.sample_list import SLIDE_FILES, VOLUME_FILES


def write_volume(
    folder: Path, container: str, slices: Iterable[np.ndarray], shape: tuple, dtype: str
) -> None:
    """Write a volume slice by slice.

    Parameters
    ----------
    folder : Path
        The sample's folder.
    container : str
        ``tiff_folder``, ``bigtiff`` or ``hdf5``.
    slices : iterable of ndarray (y, x)
        In order of z.
    shape : (z, y, x)
    dtype : str

    Raises
    ------
    OSError
        If the disk is full.
    """
    name = VOLUME_FILES[container]
    if container == "tiff_folder":
        (folder / name).mkdir()
        for z, image in enumerate(slices):
            tifffile.imwrite(folder / name / f"slice_{z:04d}.tif", image)
    elif container == "bigtiff":
        with tifffile.TiffWriter(folder / name, bigtiff=True) as writer:
            for image in slices:
                writer.write(image, contiguous=True, photometric="minisblack")
    else:
        file, dataset = name.split("::")
        # HDF5 ends the process where the disk fills while it writes.
        if shutil.disk_usage(folder).free < math.prod(shape) * np.dtype(dtype).itemsize:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / file))
        with h5py.File(folder / file, "w") as store:
            data = store.create_dataset(dataset, shape, dtype, chunks=(1, *shape[1:]))
            for z, image in enumerate(slices):
                data[z] = image


def write_slide(folder: Path, container: str, rgb: np.ndarray, pixel_um: float) -> None:
    """Write a slide (y, x, 3) uint8 as pyramidal OME-TIFF (``ome_tiff``) or ``png``."""
    path = folder / SLIDE_FILES[container]
    if container == "png":
        path.write_bytes(cv2.imencode(".png", rgb[..., ::-1])[1])  # imwrite hides a full disk
        return
    levels = [rgb]
    while min(levels[-1].shape[:2]) > 256:
        height, width = levels[-1].shape[:2]
        size = (width // 2, height // 2)
        levels.append(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA))
    options = {"photometric": "rgb", "tile": (256, 256), "compression": "zlib", "predictor": True}
    metadata = ome_metadata("YXS", {"X": pixel_um, "Y": pixel_um}, rgb)
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as writer:
        for index, level in enumerate(levels):
            per_cm = 1e4 / (pixel_um * 2**index)
            writer.write(
                level,
                subifds=len(levels) - 1 if index == 0 else None,
                subfiletype=1 if index else 0,
                metadata=metadata if index == 0 else None,
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
                **options,
            )
