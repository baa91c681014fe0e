"""The ``ingest`` block: working sizes of volumes and slides."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from virtual_staining.settings.base import Settings, key

Percentile = Annotated[float, Field(ge=0, le=100)]


class IngestSettings(Settings):
    """The sizes to which raw volumes and slides are brought before anything else (paper 2.2).

    All later lengths in pixels (patches, tiles) are in voxels of this size. Choose voxel_size_um
    near the raw voxel size, or coarser where volumes are too large: the paper's numbers are
    meant for 5 µm. A change makes everything again.
    """

    block_name: ClassVar[str] = "ingest"

    voxel_size_um: float = key(
        5.0,
        "edge of the isotropic working voxels",
        unit="µm",
        paper="2.2",
        only=("volume",),
        ge=0.01,
        le=10_000,
    )
    slide_pixel_um: float = key(
        2.5,
        "working pixel size of the slides; keep it finer than the voxels, so that registration"
        " resamples without loss. A coarser slide keeps its own pixel size",
        unit="µm",
        only=("slide",),
        ge=0.01,
        le=10_000,
    )
    float_percentiles: tuple[Percentile, Percentile] = key(
        (0.01, 99.99),
        "percentiles of a floating-point CT that become 0 and 65535; 8- and 16-bit CT keep their"
        " grey values",
        unit="%",
        only=("volume",),
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield percentiles that do not rise."""
        low, high = self.float_percentiles
        if low >= high:
            yield "float_percentiles", "two rising numbers, as in [0.01, 99.99]"
