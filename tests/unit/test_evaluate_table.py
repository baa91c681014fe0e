"""Medians, intervals and layouts against values worked out by hand."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from metric_columns import COLUMNS

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate import layout
from virtual_staining.evaluate.lead import best_model, sentence, smallest_leads
from virtual_staining.evaluate.table import summarize
from virtual_staining.models.catalogue import in_order
from virtual_staining.models.references import ORACLE_MARK
from virtual_staining.settings.evaluate import EvaluateSettings

FEW = EvaluateSettings(bootstrap_resamples=50)


def patches(model, subset, values, sample="s1", distance=float("nan"), fold=1, region="mask"):
    return [
        {"stain": "toluidine_blue", "model": model, "fold": fold, "sample": sample}
        | {
            "material": "Mg",
            "subset": subset,
            "region": region,
            "y_px": place,
            "x_px": 0,
            "overlap": 1.0,
        }
        | {"similarity": value, "ratio_db": 10 * value, "distance": distance}
        for place, value in enumerate(values)
    ]


@pytest.fixture
def table():
    rows = [
        *patches("raw_ct", "test", [0.1, 0.2]),
        *patches("pix2pix", "test", [0.3, 0.4, 0.5]),
        *patches("paired_cyclegan", "test", [0.6, 0.7, 0.9], "s1"),
        *patches("paired_cyclegan", "test", [0.8], "s2"),
        *patches("paired_cyclegan", "train", [0.5], "s3"),
    ]
    return summarize(pd.DataFrame(rows), COLUMNS, FEW)


def test_medians_and_quartiles_by_hand(table):
    assert list(zip(table["subset"], table["model"], strict=True)) == [
        ("train", "paired_cyclegan"),
        ("test", "paired_cyclegan"),
        ("test", "pix2pix"),
        ("test", "raw_ct"),
    ]
    row = table.iloc[1]  # values 0.6 0.7 0.8 0.9
    assert row["similarity_median"] == pytest.approx(0.75)
    assert row["similarity_q25"] == pytest.approx(0.675)
    assert row["ratio_db_q75"] == pytest.approx(8.25)
    assert (row["samples"], row["patches"], row["folds"]) == (2, 4, 1)
    assert np.isnan(row["distance_median"])


def test_one_sample_gives_no_interval(table):
    assert np.isnan(table["similarity_low"].iloc[2])
    assert table["similarity_low"].iloc[1] <= 0.75 <= table["similarity_high"].iloc[1]


def test_models_keep_the_papers_order():
    assert in_order(["raw_ct", "mine", "cyclegan", "cyclegan_inverted", "paired_cyclegan"]) == [
        "paired_cyclegan",
        "cyclegan_inverted",
        "cyclegan",
        "mine",
        "raw_ct",
    ]
    assert in_order(["raw_ct", "joint_table", "pix2pix", "mean_colour", "mean_colour_oracle"]) == [
        "pix2pix",
        "mean_colour",
        "joint_table",
        "mean_colour_oracle",
        "raw_ct",
    ]


def test_markdown_marks_the_best_and_shows_absence(table):
    lines = layout.markdown(table, COLUMNS).splitlines()
    paired, pix2pix, raw = lines[-6:-3] if lines[-1] == "" else lines[-5:-2]
    parts = [
        [line.count("|") for line in part.splitlines() if "|" in line]
        for part in layout.markdown(table, COLUMNS).split("###")[1:]
    ]
    assert paired.startswith("| Mod. CycleGAN (paired) | **0.75** [0.6")
    assert paired.split("|")[3].strip() == layout.ABSENT
    assert pix2pix == "| Pix2Pix | 0.40 [0.35, 0.45] (—) | — | 4.0 [3.5, 4.5] (—) |"
    assert "**" not in raw
    assert all(len(set(counts)) == 1 for counts in parts)


def test_lower_lpips_is_better():
    rows = [
        *patches("paired_cyclegan", "test", [0.5], distance=0.3),
        *patches("pix2pix", "test", [0.4], distance=0.1),
    ]
    text = layout.plain(summarize(pd.DataFrame(rows), COLUMNS, FEW), COLUMNS)
    paired, pix2pix = (line for line in text.splitlines() if line.startswith((" Mod.", " Pix")))
    assert "*0.50" in paired
    assert " 0.30" in paired
    assert "*0.10" in pix2pix


def test_equal_printed_values_are_all_best():
    rows = [*patches("pix2pix", "test", [0.701]), *patches("cyclegan", "test", [0.704])]
    assert (
        layout.markdown(summarize(pd.DataFrame(rows), COLUMNS, FEW), COLUMNS).count("**0.70** [")
        == 2
    )


def test_latex_is_balanced(table):
    text = layout.latex(table.assign(stain="h&e_50%"), COLUMNS)
    assert r"H\&e 50\%" in text
    assert r"\textbf{0.75}" in text
    stripped = re.sub(r"\\[{}]", "", text)
    assert stripped.count("{") == stripped.count("}")
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    rows = [line for line in rows if not line.startswith(r"\multicolumn")]
    assert len(rows) == 5
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {3}
    assert text.isascii()


def test_plain_columns_stand_below_each_other(table):
    lines = layout.plain(table, COLUMNS).splitlines()
    header = next(line for line in lines if "Similarity" in line)
    for line in lines:
        if line.startswith((" Mod.", " Pix", " Raw")):
            assert line[header.index("Similarity")].isdigit()


@pytest.fixture
def compared():
    """One model and three references on two subsets and regions, with another order in each."""
    rows = []
    for subset, region, model, values in (
        ("validation", "mask", "pix2pix", (0.8, 0.1)),
        ("validation", "mask", "grey_table", (0.5, 0.3)),
        ("validation", "mask", "mean_colour_oracle", (0.9, 0.05)),
        ("test", "mask", "pix2pix", (0.7, 0.2)),
        ("test", "mask", "grey_table", (0.6, 0.25)),
        ("test", "mask", "raw_ct", (0.65, 0.4)),
        ("test", "tissue", "pix2pix", (0.4, 0.3)),
        ("test", "tissue", "grey_table", (0.3, 0.2)),
        ("train", "mask", "pix2pix", (0.1, 0.9)),
        ("train", "mask", "grey_table", (0.9, 0.1)),
    ):
        rows += patches(model, subset, [values[0]], distance=values[1], region=region)
    return summarize(pd.DataFrame(rows), COLUMNS, FEW)


def test_each_region_has_its_own_medians_and_best(compared):
    lines = layout.markdown(compared, COLUMNS[:2]).splitlines()
    assert [line for line in lines if line.startswith("###")] == [
        "### Toluidine blue: medians in the form of the paper's Table 1",
        "### Toluidine blue: stained against real slides, whole mask",
        "### Toluidine blue: stained against real slides, tissue only",
    ]
    last = lines[lines.index("### Toluidine blue: stained against real slides, tissue only") :]
    assert any("Pix2Pix" in line and "**0.40**" in line for line in last)
    assert any("table" in line and "**0.20**" in line for line in last)
    assert "tissue only" not in layout.latex(compared, COLUMNS)


def test_the_papers_table_has_a_row_a_model_and_its_metrics_alone(compared):
    columns = [replace(COLUMNS[0], paper=True), *COLUMNS[1:]]
    first = layout.markdown(compared, columns).split("###")[1].splitlines()
    assert first[2] == (
        "| Model | Training, Similarity ↑ | Validation, Similarity ↑ | Testing, Similarity ↑ |"
    )
    assert "| Pix2Pix | 0.10 | **0.80** | **0.70** |" in first
    assert "| Mean colour + true implant ‡ | — | 0.90 | — |" in first
    assert "Distance" not in layout.latex(compared, columns)


def test_an_oracle_is_marked_and_never_best(compared):
    text = layout.markdown(compared, COLUMNS[:1])
    oracle = next(line for line in text.splitlines() if "true implant" in line)
    assert "0.90" in oracle and "**" not in oracle and ORACLE_MARK in oracle


def test_the_smallest_lead_of_validation_and_test_counts_without_oracles(compared):
    similarity, distance, ratio = smallest_leads(compared, COLUMNS)
    assert similarity.value == pytest.approx(0.05)  # 0.7 against raw CT's 0.65
    assert (similarity.subset, similarity.region) == ("test", "mask")
    assert distance.value == pytest.approx(-0.1)  # lower is better
    assert (distance.subset, distance.region) == ("test", "tissue")
    assert ratio.value == pytest.approx(0.5)
    text = sentence([similarity, distance, ratio])
    assert text.startswith("In medians, Pix2Pix, the best model by mean rank, beats the best")
    assert "beats the best reference in Similarity (+0.050, testing, whole mask)" in text
    assert "does not beat the best reference in Distance (−0.100, testing, tissue only)" in text
    assert text.count(".") - len(re.findall(r"\d\.\d", text)) == 1, "one sentence"


def test_one_model_leads_in_every_metric():
    """The other model is better in one metric, and lends nothing."""
    similarity, distance = COLUMNS[:2]
    values = {
        "pix2pix": (0.8, 0.2),
        "cyclegan": (0.4, 0.1),
        "paired_cyclegan": (0.7, 0.3),
        "grey_table": (0.5, 0.15),
    }
    rows = [
        row
        for model, (similar, distant) in values.items()
        for row in patches(model, "test", [similar], distance=distant)
    ]
    table = summarize(pd.DataFrame(rows), COLUMNS, FEW)
    assert best_model(table, [similarity]) == "pix2pix"
    assert best_model(table, [distance]) == "cyclegan"
    assert best_model(table, [similarity, distance]) == "pix2pix"
    leads = smallest_leads(table, [similarity, distance])
    assert {lead.model for lead in leads} == {"pix2pix"}
    assert [lead.value for lead in leads] == pytest.approx([0.3, -0.05])


def test_a_metric_with_a_right_value_is_best_there():
    column = MetricColumn("sharp", "Sharp", "", True, 1, order=1, best=1.0)
    rows = [
        {"model": model, "subset": "test", "region": "mask", "sharp_median": value}
        for model, value in (("pix2pix", 0.8), ("cyclegan", 0.3), ("grey_table", 4.0))
    ]
    table = pd.DataFrame(rows)
    assert layout.best_value(table, column) == "0.8"
    assert smallest_leads(table, [column]) == []
    assert column.title == "Sharp → 1"


def test_without_references_there_is_no_lead(table):
    assert smallest_leads(table[table["model"] != "raw_ct"], COLUMNS) == []
    assert "to compare" in sentence([])


def test_faults_are_means_over_slides():
    column = MetricColumn("holes", "Holes", "", False, 3, order=1)
    slides = pd.DataFrame(
        {"stain": "toluidine_blue", "model": model, "subset": "test", "holes": value}
        for model, value in (("raw_ct", 0.5), ("pix2pix", 0.1), ("pix2pix", 0.3))
    )
    lines = layout.plain_faults(slides, [column]).splitlines()
    assert [line.split() for line in lines if line.startswith((" Pix", " Raw"))] == [
        ["Pix2Pix", "0.200"],
        ["Raw", "CT", "†", "0.500"],
    ]
