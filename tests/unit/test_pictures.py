"""Outlines lie where the regions end, each in its own colour, and only where they are asked for."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from pictures import drawn, has_colour, pixel_of

from virtual_staining.imaging.pictures import COLOURS, draw_outlines


@pytest.fixture
def square():
    region = np.zeros((60, 80), bool)
    region[20:40, 30:50] = True  # its outline runs through x = 29.5 and 49.5, y = 19.5 and 39.5
    return region


def picture(regions):
    """Draw a grey ramp and a red slide with outlines; return panels and pixels."""
    ct = np.tile(np.linspace(0, 60000, 80).astype(np.uint16), (60, 1))
    slide = np.full((60, 80, 3), (200, 30, 30), np.uint8)
    figure = draw_outlines(ct, slide, regions, "a title")
    FigureCanvasAgg(figure)
    image = drawn(figure)
    return dict(zip(("ct", "slide"), figure.axes, strict=True)), image


def test_an_outline_runs_along_the_regions_edge(square):
    panels, image = picture({"bone": (square, "both")})
    colour = np.array(to_rgb(COLOURS[0])) * 255
    for panel in panels.values():
        for x, y in ((29.5, 30), (49.5, 30), (40, 19.5), (40, 39.5)):
            assert np.abs(image[pixel_of(panel, x, y)] - colour).max() < 5
    assert np.abs(image[pixel_of(panels["slide"], 40, 30)] - [200, 30, 30]).max() <= 1
    grey = [int(image[pixel_of(panels["ct"], x, 10)][0]) for x in (10, 40, 70)]
    assert grey == pytest.approx([255 * x / 79 for x in (10, 40, 70)], abs=4)
    assert (image[pixel_of(panels["ct"], 10, 10)] == grey[0]).all()


def test_regions_are_drawn_where_they_are_asked_for_each_in_its_colour(square):
    _, image = picture({"a": (square, "ct"), "b": (np.roll(square, 15, 1), "slide")})
    middle = image.shape[1] // 2
    high = slice(0, int(image.shape[0] * 0.85))  # without the legend, which shows every colour
    ct, slide = image[high, :middle], image[high, middle:]
    shown = [[has_colour(half, colour) for colour in COLOURS[:2]] for half in (ct, slide)]
    assert shown == [[True, False], [False, True]]
    assert has_colour(image[high.stop :], COLOURS[0]) and has_colour(image[high.stop :], COLOURS[1])


@pytest.mark.parametrize("filled", [False, True])
def test_a_region_without_an_edge_has_no_outline(filled):
    _, image = picture({"bone": (np.full((60, 80), filled), "both")})
    assert not has_colour(image[: int(image.shape[0] * 0.85)], COLOURS[0])
