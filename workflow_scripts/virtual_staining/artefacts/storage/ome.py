"""OME-TIFF metadata that depend on the content alone.

By itself tifffile makes a file's UUID from the machine's network address and the time: published
files would name the machine, and equal images would have unequal bytes.
"""

import uuid
from hashlib import sha256

import numpy as np

from virtual_staining import __version__

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "virtual-staining")


def ome_metadata(axes: str, size_um: dict[str, float], content: np.ndarray | None = None) -> dict:
    """Return tifffile's ``metadata`` of an image: axes, sizes, program and a UUID.

    Parameters
    ----------
    axes : str
        Axes of the image, such as ``YXS``.
    size_um : dict
        Axis (``X``, ``Y``, ``Z``) to the size of a pixel along it, µm.
    content : ndarray, optional
        The pixels, from which the UUID is made together with the axes and sizes; left out where
        they are not known when the file begins.
    """
    digest = sha256(f"{axes} {sorted(size_um.items())}".encode())
    if content is not None:
        digest.update(f"{content.shape} {content.dtype}".encode())
        digest.update(np.ascontiguousarray(content).data)
    sizes = {f"PhysicalSize{axis}": float(size) for axis, size in size_um.items()}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in size_um}
    identity = f"urn:uuid:{uuid.uuid5(NAMESPACE, digest.hexdigest())}"
    creator = f"virtual_staining {__version__}"
    return {"axes": axes, **sizes, **units, "UUID": identity, "Creator": creator}
