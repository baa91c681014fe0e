"""What an annotation file holds, and whether it can lie on its slide."""

from collections.abc import Sequence

import shapely

from virtual_staining.readers.annotations import BACKGROUND, EXCLUDE, read_annotations

TURNED = 5  # orientations from here on exchange rows and columns


def regions(
    path: str, reference_class: str, shape: Sequence[int], orientation: int
) -> tuple[str, list[str]]:
    """Return the annotated areas by class in words, and what is doubtful about their place.

    Parameters
    ----------
    path : str
        The GeoJSON file.
    reference_class : str
        Name of the class whose grey level is fixed.
    shape : (y, x)
        Pixels of the upright slide; empty where the slide could not be read.
    orientation : int
        How its stored image was turned; annotations are drawn on the stored one.

    Raises
    ------
    InputError
        As of :func:`virtual_staining.readers.annotations.read_annotations`.
    """
    drawn = read_annotations(path, (reference_class, BACKGROUND, EXCLUDE))
    found = {name: areas for name, areas in drawn.items() if areas}
    listed = ", ".join(f"{name} {len(areas)}" for name, areas in found.items())
    if not shape or not found:
        return listed or "no areas", []
    height, width = shape[::-1] if orientation >= TURNED else shape
    image = shapely.box(0, 0, width, height)
    doubts = []
    for name, areas in found.items():
        area = shapely.union_all(areas)
        inside = area.intersection(image).area / area.area
        if inside < 0.99:
            left, top, right, bottom = area.bounds
            doubts.append(
                f"{path}: {100 * (1 - inside):.0f} % of {name} ({left:.6g} to {right:.6g}, "
                f"{top:.6g} to {bottom:.6g}) lies outside the slide's {width} x {height} pixels; "
                "coordinates must be pixels of this slide, not µm"
            )
    return listed, doubts
