"""Why a training is replaced, in words, and what is kept of it."""

from dataclasses import replace

from train_cases import STAIN, make_pair, write_pair, write_split

from virtual_staining.artefacts.pair import pair_files
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.training_record import (
    TrainingRecord,
    file_checksum,
    was_trained_on,
    write_record,
)
from virtual_staining.workflow.replacements import training_again

KEYS = {"epochs": 2, "lambda_px": 6.0}


def trained_study(root):
    """Write a fold of three samples and weights that were trained on it."""
    results = Results(root)
    names = ["s0", "s1", "s2"]
    for number in range(3):
        write_pair(results, make_pair(number, (20, 20)))
    write_split(results, names, 2, 1)
    folder = results.trained(STAIN, "pix2pix", 1)
    folder.best.mkdir(parents=True)
    (folder.best / "last.pt").write_text("weights")
    for file in (folder.generator, folder.history):
        file.write_text("weights")
    inputs = {
        f"{name}/{kind}": file_checksum(path)
        for name in names
        for kind, path in pair_files(results, name).items()
    }
    fold = results.split(STAIN).fold(1)
    record = TrainingRecord(
        KEYS, {"fold": [names[:2], names[2:]], **inputs}, {fold.name: file_checksum(fold)}
    )
    write_record(folder, record)
    return results, folder


def said(results, keys=KEYS):
    return training_again(results, STAIN, "pix2pix", 1, keys, "asked for")


def test_the_sentence_names_what_changed_and_where_the_weights_are(tmp_path):
    results, _ = trained_study(tmp_path)
    assert f"{STAIN}, pix2pix, fold 1 trains again: asked for; the earlier" in said(results)
    assert "lambda_px is 5.0 and was 6.0;" in said(results, {**KEYS, "lambda_px": 5.0})
    pair = make_pair(1, (20, 20))
    write_pair(results, replace(pair, slide=pair.slide // 2))
    assert "again: the slide of s1 changed;" in said(results)
    write_split(results, ["s2", "s0"], 1, 1)
    assert "again: s1 is gone; s0 now validates; s2 is now trained on; the" in said(results)


def test_weights_outlive_their_replacement(tmp_path):
    results, folder = trained_study(tmp_path)
    for _ in range(2):  # a run that was given up before the training began
        assert str(folder.earlier) in said(results)
    (folder.best / "last.pt").unlink()  # as Snakemake does before the job
    folder.best.rmdir()
    folder.generator.unlink()
    (kept,) = folder.earlier.iterdir()
    assert (kept / "best/last.pt").read_text() == (kept / "generator.pt").read_text() == "weights"
    assert said(results) == ""


def test_a_file_of_the_split_is_known_by_its_content(tmp_path):
    results, folder = trained_study(tmp_path)
    fold = results.split(STAIN).fold(1)
    assert was_trained_on(folder, fold)
    fold.write_text(fold.read_text() + " ")
    assert not was_trained_on(folder, fold)
    write_split(results, ["s0", "s1", "s2"], 2, 1)
    folder.record.write_text("{")
    assert not was_trained_on(folder, fold)
