"""Metadata of OME-Zarr images (NGFF 0.1 to 0.5): the finest level, its axes and voxel size."""

import logging
import math

import zarr

from virtual_staining.errors import InputError
from virtual_staining.readers.sizes import number, unit_um

log = logging.getLogger(__name__)

OLD_AXES = ("t", "c", "z", "y", "x")  # of NGFF 0.1 and 0.2, which name none


def ngff_attributes(group: zarr.Group) -> dict:
    """Return the NGFF attributes of a group; those of version 0.5 stand under ``ome``."""
    attributes = group.attrs.asdict()
    return attributes.get("ome", attributes)


def image_group(group: zarr.Group, name: str) -> zarr.Group:
    """Return the group that is an image: this one, or the only one in it.

    bioformats2raw writes a folder of numbered images.

    Raises
    ------
    InputError
        If there is none or more than one; lists what there is.
    """
    if ngff_attributes(group).get("multiscales"):
        return group
    images = {k: child for k, child in group.groups() if ngff_attributes(child).get("multiscales")}
    if len(images) == 1:
        return next(iter(images.values()))
    found = [f"::/{key}" for key in sorted(images)]
    found += [f"::/{key} {' x '.join(map(str, array.shape))}" for key, array in group.arrays()]
    held = "holds several images" if images else "not an OME-Zarr image"
    raise InputError(
        f"{name}: {held}; write the volume as {name.rpartition('/')[2]}::/path with one of: "
        f"{'; '.join(found) or 'none (no arrays)'}"
    )


def finest_array(group: zarr.Group, image: dict, name: str) -> tuple[zarr.Array, dict]:
    """Return the array of an image that has the most voxels, and its entry in the metadata.

    Parameters
    ----------
    group : zarr.Group
        The image.
    image : dict
        An entry of ``multiscales``.
    name : str
        The file, for messages.

    Raises
    ------
    InputError
        If the metadata name no level, or one that is not there or has other axes than they say, or
        name their axes in the way of a later version.
    """
    if not image.get("axes") and "coordinateSystems" in image:
        raise InputError(
            f"{name}: its axes stand in coordinateSystems, as in NGFF from 0.6 on, which is not "
            "read; export it as NGFF 0.5"
        )
    levels = [(group.get(str(level.get("path"))), level) for level in image.get("datasets") or ()]
    for array, level in levels:
        if not isinstance(array, zarr.Array):
            raise InputError(
                f"{name}: its metadata name the level {level.get('path')!r}, which is not there; "
                "copy the folder again"
            )
        if image.get("axes") and len(image["axes"]) != len(array.shape):
            raise InputError(
                f"{name}: its metadata name {len(image['axes'])} axes, and its level "
                f"{level['path']!r} has {len(array.shape)}; export it again"
            )
    if not levels:
        raise InputError(f"{name}: its metadata name no level; export it again")
    return max(levels, key=lambda found: math.prod(found[0].shape))


def axis_names(image: dict) -> list[str]:
    """Return the axes' names in lower case, in the order in which they are stored."""
    axes = image.get("axes") or OLD_AXES
    return [(axis if isinstance(axis, str) else str(axis.get("name"))).lower() for axis in axes]


def axis_sizes_um(image: dict, level: dict, name: str) -> dict[str, float | None]:
    """Return the size of a voxel of a level along each axis, µm.

    The size is the product of the level's and the whole image's scales. It is None for an axis
    without a unit of length, and for all where no scale stands anywhere or a scale has not one
    number for each axis.

    Parameters
    ----------
    image : dict
        An entry of ``multiscales``.
    level : dict
        An entry of its ``datasets``.
    name : str
        The file, for the log.
    """
    names = axis_names(image)
    transformations = [
        *(level.get("coordinateTransformations") or ()),
        *(image.get("coordinateTransformations") or ()),
    ]
    scales = [one.get("scale") for one in transformations if one.get("type") == "scale"]
    if any(not isinstance(scale, list) or len(scale) != len(names) for scale in scales):
        log.warning("%s: a scale in its metadata has not one number for each of the axes %s; the "
                    "sizes count as absent", name, ", ".join(names))  # fmt: skip
        return {}
    if not scales:
        return {}
    units = [
        None if isinstance(axis, str) else unit_um(axis.get("unit"))
        for axis in image.get("axes") or OLD_AXES
    ]
    sizes: dict[str, float | None] = {}
    for position, (axis, unit) in enumerate(zip(names, units, strict=True)):
        size = 1.0 if unit is None else unit
        for scale in scales:
            size *= number(scale[position])
        sizes[axis] = None if unit is None else size
        if unit is None and axis in "zyx":
            log.warning("%s: its axis %s has the scale %g and no unit of length; the scale counts "
                        "as absent", name, axis, size)  # fmt: skip
    return sizes
