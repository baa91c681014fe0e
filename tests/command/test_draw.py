"""The pictures and the page of a stained volume; the page is looked at in a headless Chromium."""

import numpy as np
import pytest
from browser import NO_WEBGL, Browser, chromium
from drawn_study import BONE, READY, SECTION, TISSUE, VOXEL_UM, draw, make_study, near, of_view
from PIL import Image

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.volume import write_volume_pyramid


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("draw"))


@pytest.fixture(scope="module")
def page(study):
    assert draw(study, "S-1") == 0
    return study.drawn_volume("tb", "model", "V").page


def settled(browser):
    """Wait until the page has drawn finely and kept its state."""
    browser.run("new Promise((r) => setTimeout(r, 600))")


def test_the_pictures_show_stain_ct_implant_and_section(page, study):
    out = study.drawn_volume("tb", "model", "V")
    render = np.asarray(Image.open(out.render).convert("RGB"))
    assert render.shape == (200, 200, 3)
    shares = [near(render, colour) for colour in (TISSUE, BONE)]
    assert max(shares) > 0.02  # the stained face, as the volume's colour
    slices = np.asarray(Image.open(out.orthogonal).convert("RGB"))
    assert min(near(slices, colour, 3) for colour in (TISSUE, BONE, SECTION)) > 0.02
    with Image.open(out.turntable) as film:
        assert film.n_frames == 3 and film.info["loop"] == 0
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "orthogonal.png", "render.png", "turntable.gif", "volume.html",
    ]  # fmt: skip


def test_the_page_needs_no_network(page):
    text = page.read_text(encoding="utf-8")
    assert "http:" not in text and "https:" not in text


def test_the_page_shows_tissue_and_answers(page, tmp_path):
    chromium()
    with Browser(tmp_path) as browser:
        browser.open(page.as_uri(), READY)
        assert browser.run("document.body.dataset.ready") == "yes", browser.complaints
        settled(browser)
        # opens on the section, the real one beside the cut
        face, real = of_view(browser, "face"), of_view(browser, "real")
        assert min(near(face, TISSUE), near(face, BONE)) > 0.1
        assert near(real, SECTION) > 0.3 and near(face, SECTION) == 0
        assert min(near(of_view(browser, "solid"), c) for c in (TISSUE, BONE)) > 0.01
        for name in ("xy", "xz", "yz"):
            assert near(of_view(browser, name), BONE) > 0.05, name
        place = browser.run("document.getElementById('place').textContent")
        assert place.startswith("--normal 0.0000 -0.2800 0.9600 --depth-um 0")
        browser.key("2")
        settled(browser)
        face = of_view(browser, "face")
        assert near(face, TISSUE) == 0 and np.ptp(face.astype(int), axis=-1).max() < 90  # CT
        browser.key("3")
        settled(browser)
        half = of_view(browser, "face")
        assert near(half, TISSUE) > 0.05 and near(half, BONE) < near(face, BONE) + 0.05
        browser.key("1")
        browser.key("x")
        settled(browser)
        place = browser.run("document.getElementById('place').textContent")
        assert place.startswith("--normal 1.0000 0.0000 0.0000")
        assert browser.run("document.getElementById('real').hidden")
        before = browser.picture()
        address = browser.run("location.href")
        browser.key("ArrowLeft", shift=True)
        settled(browser)
        assert np.abs(browser.picture().astype(int) - before).max() > 50
        # the address brings the view back
        browser.open("about:blank", "true")
        browser.open(address, READY)
        settled(browser)
        assert np.abs(browser.picture().astype(int) - before).mean() < 1
        browser.drag((150, 200), (230, 240))
        settled(browser)
        assert np.abs(browser.picture().astype(int) - before).mean() > 1
        assert not browser.complaints


def test_without_webgl_a_picture_is_shown(page, tmp_path):
    chromium()
    with Browser(tmp_path, flags=NO_WEBGL) as browser:
        browser.open(page.as_uri(), READY)
        assert browser.run("document.body.dataset.ready") == "no"
        assert "WebGL2" in browser.run("document.getElementById('reason').textContent")
        assert max(near(browser.picture(), colour) for colour in (TISSUE, BONE)) > 0.003


def test_a_volume_without_a_section_opens_along_the_implant(study, tmp_path):
    assert draw(study) == 0
    chromium()
    with Browser(tmp_path) as browser:
        browser.open(study.drawn_volume("tb", "model", "V").page.as_uri(), READY)
        assert browser.run("document.body.dataset.ready") == "yes", browser.complaints
        assert browser.run("Math.abs(normal()[1]) < 0.01")  # the cut is along the cylinder's axis
        assert browser.run("document.getElementById('real').hidden")
        assert not browser.complaints


def test_a_volume_of_another_ct_is_refused(study, capsys):
    results = Results(study.root.parent / "other")
    results.root.mkdir()
    (results.root / "10_stain").symlink_to(study.root / "10_stain")
    write_volume_pyramid(results.volume("V"), np.zeros((8, 8, 8), np.uint16), VOXEL_UM)
    assert draw(results) == 1
    assert "do not fit the CT's (8, 8, 8); stain the volume again" in capsys.readouterr().err
