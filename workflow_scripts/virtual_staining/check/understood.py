"""What a check understood of a row of the sheet and of its files."""

from dataclasses import dataclass, field


@dataclass
class File:
    """What was understood of one file of a sample.

    Parameters
    ----------
    column : str
        The sheet's column.
    path : str
        As the sheet names it, made whole.
    container, dtype, axes : str
        In words; the axes in the order of ``shape``.
    shape : tuple of int
        Voxels z, y, x, or pixels y, x.
    size_um : tuple of float
        Of a voxel or pixel in the same order; empty where it is not known.
    origin : str
        Where this size came from.
    regions : str
        Annotated areas by class.
    orientation : int
        As of :class:`virtual_staining.readers.source.RawSlide`.
    warnings, errors : list of str
        What is doubtful, and what would be refused.
    """

    column: str
    path: str
    container: str = ""
    dtype: str = ""
    axes: str = ""
    shape: tuple[int, ...] = ()
    size_um: tuple[float, ...] = ()
    origin: str = ""
    regions: str = ""
    orientation: int = 1
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def size_mm(self) -> tuple[float, ...]:
        """Edges of the whole, in the order of ``shape``; empty where the size is not known."""
        sized = bool(self.size_um)
        return tuple(n * s / 1000 for n, s in zip(self.shape, self.size_um, strict=sized))


@dataclass
class Sample:
    """A row of the sheet and what was understood of its files."""

    sample: str
    volume_id: str
    stain: str
    material: str
    role: str
    mode: str
    files: list[File]
    warnings: list[str] = field(default_factory=list)
    own_errors: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What would be refused of the row and its files."""
        return [*self.own_errors, *(text for file in self.files for text in file.errors)]

    def file(self, column: str) -> File | None:
        """Return the file of a column, None where the row names none."""
        return next((file for file in self.files if file.column == column), None)
