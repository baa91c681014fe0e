"""What a file in ``volumes/`` or ``slides/`` declares about its container, and how they are found.

A container is one file there with an object ``CONTAINER`` of class :class:`Container`; it is listed
nowhere else. `make docs` writes the tables of the documentation from these objects.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from virtual_staining.readers.source import RawSlide, Source


@dataclass(frozen=True)
class Container:
    """A kind of file or folder in which raw volumes or slides are stored.

    Parameters
    ----------
    name : str
        Printed name.
    suffixes : tuple of str
        Ends of the file names, lower case with their dot; of the slices' names for a folder.
    note : str
        What is read, for the documentation.
    open : callable
        ``open(path)`` returns a :class:`~virtual_staining.readers.source.RawSlide`; of a volume, it
        returns a :class:`~virtual_staining.readers.source.Source`. Raises InputError that names the
        file if it is damaged or holds no such image. With ``inside`` it takes what stands behind
        ``::`` as second argument.
    recognizes : callable, optional
        ``recognizes(path)`` says whether the container opens an existing path. Without it the end
        of the file's name decides, after all containers that have a test.
    inside : str
        What the sheet writes behind the path and ``::``, such as ``/path/in/file``; empty where
        nothing stands there.
    """

    name: str
    suffixes: tuple[str, ...]
    note: str
    open: Callable[..., Source | RawSlide]
    recognizes: Callable[[Path], bool] | None = None
    inside: str = ""

    def opens(self, path: Path) -> bool:
        """Say whether this container opens an existing path."""
        if self.recognizes:
            return self.recognizes(path)
        return path.is_file() and path.name.lower().endswith(self.suffixes)

    @property
    def label(self) -> str:
        """Name and the ends of the file names."""
        return f"{self.name} ({', '.join(self.suffixes)})" if self.suffixes else self.name


def all_containers(package: ModuleType) -> list[Container]:
    """Return the containers declared in a package, those with a test of their own first.

    Parameters
    ----------
    package : module
        :mod:`virtual_staining.readers.volumes` or :mod:`virtual_staining.readers.slides`.
    """
    modules = [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    containers = [module.CONTAINER for module in modules]
    return sorted(containers, key=lambda container: container.recognizes is None)


def container_of(path: Path, package: ModuleType) -> Container | None:
    """Return the container that opens an existing path, None where no container knows it."""
    return next((found for found in all_containers(package) if found.opens(path)), None)


def known_containers(package: ModuleType) -> str:
    """Return the labels of all containers in one line, for messages."""
    return "; ".join(sorted((c.label for c in all_containers(package)), key=str.lower))
