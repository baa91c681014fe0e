"""The first page of the report: its sentences by hand, and the page in a browser."""

import numpy as np
import pandas as pd
import pytest
from browser import Browser
from PIL import Image

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.figures.doubts import doubts, lead_sentences
from virtual_staining.figures.summary import Study, summary_page, title_of

SSIM = MetricColumn("ssim", "SSIM", "", True, 2, order=1)
MATERIAL = {"a": "Mg", "b": "Mg", "c": "Ti"}
LEVEL = {"pix2pix": 0.8, "joint_table": 0.6, "joint_table_oracle": 0.9}


def patches():
    rows = [
        (model, sample, subset, region, place, level - 0.01 * place)
        for model, level in LEVEL.items()
        for sample, subset in (("a", "train"), ("b", "validation"), ("c", "test"))
        for region in ("mask", "tissue")
        for place in (0, 1, 2)
    ]
    names = ["model", "sample", "subset", "region", "y_px", "ssim"]
    return pd.DataFrame(rows, columns=names).assign(x_px=0)


def table():
    grouped = patches().groupby(["region", "subset", "model"], sort=False)
    return grouped["ssim"].median().rename("ssim_median").reset_index()


def slides(seams=1.0):
    return pd.DataFrame({"model": ["pix2pix"], "sample": ["c"], "subset": ["test"],
                         "seam_ratio": [seams]})  # fmt: skip


def uncertainty(alarm=""):
    return pd.DataFrame({"model": ["pix2pix"] * 2, "sample": ["b", "c"], "coverage": [0.95, 0.5],
                         "width": [30.0, 50.0],
                         "spearman": [0.7, 0.9], "alarm": ["", alarm]})  # fmt: skip


def test_the_lead_is_over_what_knows_no_truth():
    (found,) = lead_sentences(table(), [SSIM], title_of)
    assert "beats every stain without a network on testing slides, tissue alone" in found
    assert "Pix2Pix 0.79" in found and "Joint-histogram table † 0.59" in found
    behind = table()
    behind.loc[behind["model"] == "joint_table", "ssim_median"] = 0.95
    assert lead_sentences(behind, [SSIM], title_of)[0].startswith("No network beats")


def test_what_is_doubtful_is_named_and_what_is_not_is_left_out():
    calm = " ".join(doubts(patches(), slides(), uncertainty()))
    assert "1 test slide: too few" in calm and "LPIPS was not measured" in calm
    assert "seams" not in calm and "unlike" not in calm
    loud = " ".join(doubts(patches(), slides(1.4), uncertainty("spread")))
    assert "seams between tiles (contrast ratio 1.40) on c" in loud
    assert "seams" not in " ".join(doubts(patches(), slides(1.4), None, tiled=False))
    assert "c (Pix2Pix) is unlike the slides trained on: spread." in loud
    assert "grain" not in loud
    textured = doubts(patches(), slides(), None, textured=True)
    assert any("grain of the stained slides is noise" in sentence for sentence in textured)
    unmeasured, measured = (patches().assign(lpips=value) for value in (np.nan, 0.2))
    assert "LPIPS was not" in " ".join(doubts(unmeasured, slides(), None))
    assert "LPIPS was not" not in " ".join(doubts(measured, slides(), None))
    blurred = patches().assign(sharpness=0.3)
    assert "blurred (0.30 of" in " ".join(doubts(blurred, slides(), None))


def read_study():
    fold = Fold(("a",), ("b",), ("c",), "toluidine_blue", MATERIAL)
    numbers = pd.DataFrame({"name": ["</script>", "two", "ten"], "value": [np.nan, 2.0, 10.0]})
    return Study("toluidine_blue", fold, 1, patches(), table(), slides(), [SSIM],
                 uncertainty(), 0.9, {"More": numbers})  # fmt: skip


@pytest.fixture
def page(tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(np.full((20, 30, 3), 128, np.uint8)).save(picture)
    path = tmp_path / "summary.html"
    path.write_text(summary_page(read_study(), {"One picture": picture}), encoding="utf-8")
    return path


def test_large_pictures_leave_the_page_small_enough_for_the_report(page, tmp_path):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (60, 70, 3), np.uint8)
    large = tmp_path / "large.png"
    Image.fromarray(coarse).resize((2800, 2400)).save(large)
    text = summary_page(read_study(), dict.fromkeys(("one", "two", "three"), large))
    assert 1e5 < len(text) < 1.5e6 and text.count("data:image/jpeg") == 3


def test_the_page_in_a_browser(page, tmp_path):
    names = "[...document.querySelectorAll('details tbody td:first-child')].map(e => e.textContent)"
    with Browser(tmp_path / "profile") as browser:
        browser.open(page.as_uri(), "document.querySelector('.dot')")
        text = browser.run("document.body.innerText")
        assert "Toluidine blue: virtual staining" in text and "WHAT" not in text[:10]
        assert "on 1 of 2 held-out slides without an alarm at least 90% of the pixels" in text
        assert "Slides of the fold that is shown: 1 training, 1 validation, 1 testing" in text
        assert browser.run("document.images[0].naturalWidth") == 30
        assert browser.run("document.querySelectorAll('.dot').length") == 9, "3 models, 3 slides"
        assert browser.run(names) == ["</script>", "two", "ten"]
        inside = "[...document.querySelectorAll('#chart text')].map(t => t.getBBox())"
        boxes = browser.run(f"{inside}.map(b => [b.x, b.y, b.x + b.width, b.y + b.height])")
        assert np.min(boxes) >= 0 and np.all(np.max(boxes, axis=0)[2:] <= (1140, 360))
        shown = browser.run("[...document.querySelectorAll('.tick')].map(t => t.textContent)")
        assert shown == ["0.6", "0.7", "0.8"], "0.59 to 0.89"
        browser.run("document.querySelectorAll('details th button')[1].click()")
        assert browser.run(names) == ["</script>", "two", "ten"], "numbers sort as numbers"
        browser.run("document.querySelectorAll('details th button')[1].click()")
        assert browser.run(names) == ["ten", "two", "</script>"]
        browser.run("document.getElementById('region').selectedIndex = 1")
        browser.run("document.getElementById('region').dispatchEvent(new Event('change'))")
        assert browser.run("document.querySelectorAll('.dot').length") == 9
        assert browser.complaints == []
