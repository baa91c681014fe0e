"""The ``draw`` block: pictures and the page of stained volumes."""

from typing import ClassVar

from virtual_staining.settings.base import Settings, key


class DrawSettings(Settings):
    """Pictures of a stained volume, and the page ``volume.html`` to turn and to cut the volume."""

    block_name: ClassVar[str] = "draw"

    page_voxels: int = key(
        200,
        "longest side of the volume in volume.html and the rendering; the page's size grows with"
        " the third power, 200 makes about 4 MB",
        unit="voxels",
        ge=50,
        le=256,
    )
    picture_px: int = key(1600, "side of the rendering", unit="px", ge=100, le=8000)
    turntable_frames: int = key(36, "pictures of the turntable's round", ge=1, le=360)
