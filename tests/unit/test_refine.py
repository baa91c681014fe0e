"""``register refine``: cross-fitted, judged, and read by training alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from train_cases import tiny

from virtual_staining.artefacts import refined
from virtual_staining.artefacts.folds import Folds, read_fold, write_folds
from virtual_staining.artefacts.pair import write_mask
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.soft_field import warped
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.register.refine import why_refused
from virtual_staining.settings.refine import RefineSettings
from virtual_staining.settings.study import Study
from virtual_staining.train.command import read_pairs
from virtual_staining.train.identity import describe_run

PIXEL_UM, SHAPE = 5.0, (140, 150)
SAMPLES = ("a", "b", "c", "d")
SOUND = refined.Refinement(20, 50, 0, 0, 0.2, 0.9, 0.4, 0.002, "")


def shift_of(seed: int) -> np.ndarray:
    """Return the displacement (2, y, x) of a sample's soft tissue, px."""
    y, x = np.indices(SHAPE, float)
    return np.stack([4 * np.sin(y / 40 + seed), 4 * np.cos(x / 45 + seed)]).astype(np.float32)


def write_pair(results: Results, sample: str, seed: int) -> None:
    """Write a pair whose CT shows soft tissue, and whose slide shows it displaced."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(SHAPE, float)
    bone = (y - 70) ** 2 + (x - 75) ** 2 < 25**2
    depth = np.clip(0.5 + 1.8 * gaussian_filter(rng.standard_normal(SHAPE), 3) * 3, 0, 1)
    ct = np.where(bone, 32000, 10000 + 14000 * depth)
    colour = 255 * np.stack([1 - 0.7 * depth, 1 - 0.5 * depth, 1 - 0.4 * depth], 2)
    moved = warped(colour.round().astype(np.uint8), shift_of(seed))
    slide = np.where(bone[..., None], np.uint8([150, 80, 160]), moved)
    files = results.normalized(sample)
    write_image(files.ct, (ct + rng.normal(0, 100, SHAPE)).astype(np.uint16), PIXEL_UM)
    write_image(files.slide, slide, PIXEL_UM)
    classes = np.where(bone, Tissue.RIGID, Tissue.SOFT).astype(np.uint8)
    write_mask(results.mask(sample), np.ones(SHAPE, bool), classes, PIXEL_UM)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Four pairs in two folds, refined."""
    results = Results(tmp_path_factory.mktemp("refine"))
    for seed, sample in enumerate(SAMPLES):
        write_pair(results, sample, seed)
    folds = [
        {"fold": 1, "train": ["a", "b"], "validation": ["c", "d"]},
        {"fold": 2, "train": ["c", "d"], "validation": ["a", "b"]},
    ]
    names = dict.fromkeys(SAMPLES, "x")
    write_folds(results.split("tb"), Folds("tb", 1, folds, [], names, names, names, names, []))
    assert main(words(results)) == 0
    return results


def words(results, **changes):
    settings = json.dumps({"rounds": 1, **changes})
    line = ["register", "refine", "--results", str(results), "--stain", "tb"]
    return [*line, "--ct-white", "36000", "--settings", settings]


def error_px(field, seed, soft):
    return np.sqrt(((field + warped(shift_of(seed), field)) ** 2).sum(0)[soft].mean())


def test_soft_tissue_comes_nearer_and_bone_stays(study):
    folder = study.split("tb")
    taken = refined.read_refined(folder.refined)
    assert set(taken) == set(SAMPLES)
    for seed, sample in enumerate(SAMPLES):
        before = read_image(study.normalized(sample).slide)
        after = refined.read_refined_slide(folder.refined, sample)
        bone = read_image(study.mask(sample).tissue) == Tissue.RIGID
        assert (after[bone] == before[bone]).all()
        assert not (after[~bone] == [150, 80, 160]).all(1).any()  # no bone is drawn beside the bone
        still = warped(before, -shift_of(seed))  # where the tissue belongs, nearly
        inner = ~bone & (np.indices(SHAPE).min(0) > 8)
        off = [np.abs(image.astype(int) - still)[inner].mean() for image in (before, after)]
        assert off[1] < 0.6 * off[0]
        assert (folder.refined_slides / f"{sample}.png").is_file()
    table = folder.refined_table.read_text().splitlines()
    assert table[0].startswith(
        "sample,rms_um,largest_um,bone_px,folded,return_px,trusted,gain,null"
    )
    figures = json.loads(folder.refined.read_text())["samples"]["a"]
    assert figures["gain"] > figures["null_gain"] + 0.1 and figures["bone_px"] == 0


def test_training_alone_reads_refined_slides(study):
    path = study.split("tb").refined
    fold = read_fold(study.split("tb").fold(1), 1)
    usual, pairs = (read_pairs(study, fold, file, tiny()) for file in ("", str(path)))
    for sample in SAMPLES:
        same = (pairs[sample].slide == usual[sample].slide).all()
        assert same == (sample in fold.validation)
    settings = Study().training("pix2pix")
    runs = [describe_run(settings, fold, study, r) for r in ({}, refined.read_refined(path))]
    assert set(runs[1]["inputs"]) - set(runs[0]["inputs"]) == {"a/refined", "b/refined"}


def test_a_slide_that_is_not_the_one_named_is_refused(study, tmp_path):
    text = study.split("tb").refined.read_text()
    (tmp_path / "refined").mkdir()
    (tmp_path / "refined.json").write_text(text)
    write_image(tmp_path / "refined/a.tif", np.zeros((*SHAPE, 3), np.uint8), PIXEL_UM)
    with pytest.raises(InputError, match=r"a\.tif: is not the slide that .*refined.json names"):
        refined.read_refined_slide(tmp_path / "refined.json", "a")
    (tmp_path / "refined.json").write_text('{"format": 1, "samples": {"a": 3}}')
    with pytest.raises(InputError, match="samples: not such a file"):
        refined.read_refined(tmp_path / "refined.json")


def test_an_earlier_run_predicts_what_it_held_out(study, tmp_path, capsys):
    earlier = Results(tmp_path)
    line = words(study, predictions=str(earlier), model="pix2pix")
    earlier.split("tb").path.mkdir(parents=True)
    earlier.split("tb").folds.write_text(study.split("tb").folds.read_text())
    assert main(line) == 1
    assert "holds no slide of stain tb by pix2pix; run the earlier" in capsys.readouterr().err
    before = study.split("tb").refined.read_text()
    for sample in ("c", "d"):  # fold 1 alone was trained
        image = read_image(study.normalized(sample).slide)
        write_image(earlier.stained("tb", "pix2pix", 1).sample(sample).slide, image, PIXEL_UM)
    assert main(line) == 0
    samples = json.loads(study.split("tb").refined.read_text())["samples"]
    assert set(samples) == {"c", "d"}
    assert all(row["refused"].startswith("gain -") for row in samples.values())
    write_image(earlier.stained("tb", "pix2pix", 1).sample("c").slide, image[:9], PIXEL_UM)
    assert main(line) == 1
    assert "must name a run of the same pairs" in capsys.readouterr().err
    assert main(words(study)) == 0
    assert study.split("tb").refined.read_text() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"gain": 0.1}, "gain 0.098 beyond another specimen's is too small"),
        ({"null_gain": 0.35}, "gain 0.050 beyond"),
        ({"bone_px": 0.3}, "bone moves by 0.30 px"),
        ({"folded": 0.01}, "1.00% of soft tissue folds"),
        ({"return_px": 1.5}, "there and back differ by 1.5 px"),
        ({"gain": float("nan")}, "gain nan beyond"),
    ],
)
def test_what_is_refused_and_why(change, reason):
    found = why_refused(replace(SOUND, **change), RefineSettings())
    assert found.startswith(reason) and bool(found) == bool(reason)
