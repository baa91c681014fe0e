"""What the numbers of a study say against themselves, in sentences."""

from collections.abc import Callable

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, MetricColumn
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.models.references import ORACLES, REFERENCES

# Fewer test slides than this say little about new ones (see docs/trust.md).
FEW = 9
SEAM = 1.1
HOLES, DARK = 0.01, 0.02
BLURRED = 0.7


def lead_sentences(
    table: pd.DataFrame, metrics: list[MetricColumn], title_of: Callable[[str], str]
) -> list[str]:
    """Say for each metric whether the best model is better than the best reference.

    Compared are medians of tissue alone, on test slides or else on validation slides; oracles take
    no part.
    """
    subset = "test" if (table["subset"] == "test").any() else "validation"
    rows = table[(table["region"] == HEADLINE_REGIONS[1]) & (table["subset"] == subset)]
    ahead, behind = [], []
    for metric in metrics:
        values = rows.set_index("model")[f"{metric.column}_median"].dropna()
        goodness = metric.goodness(values).drop(list(ORACLES), errors="ignore")
        references = goodness[goodness.index.isin(REFERENCES)]
        models = goodness.drop(references.index)
        if len(models) and len(references):
            best, rival = models.idxmax(), references.idxmax()
            text = (
                f"{metric.name} ({title_of(str(best))} {values[best]:.{metric.decimals}f}, "
                f"{title_of(str(rival))} {values[rival]:.{metric.decimals}f})"
            )
            (ahead if models.max() > references.max() else behind).append(text)
    where = f"on {SUBSETS[subset].lower()} slides, tissue alone"
    found = []
    if ahead:
        found.append(f"The best network beats every stain without a network {where}, in "
                     f"{'; '.join(ahead)}.")  # fmt: skip
    if behind:
        found.append(f"No network beats the best stain without a network {where}, in "
                     f"{'; '.join(behind)}.")  # fmt: skip
    return found


def doubts(
    patches: pd.DataFrame,
    slides: pd.DataFrame,
    uncertainty: pd.DataFrame | None,
    tiled: bool = True,
    textured: bool = False,
) -> list[str]:
    """Return what a reader should distrust.

    Parameters
    ----------
    patches, slides : DataFrame
        As ``evaluate table`` writes them.
    uncertainty : DataFrame or None
        As ``evaluate trust`` writes it.
    tiled : bool
        Whether slides were stained tile by tile; whole planes have no seams, whatever is measured.
    textured : bool
        Whether stained slides show a texture made of noise.
    """
    found = []
    tested = patches.loc[patches["subset"] == "test", "sample"].nunique()
    if tested < FEW:
        named = "1 test slide" if tested == 1 else f"{tested} test slides"
        found.append(f"{named}: too few for a statement about new slides.")
    held = slides[slides["subset"].isin(("validation", "test"))]
    for model in in_order(set(patches["model"]) - set(REFERENCES)):
        found += _faults(model_name(model), held[held["model"] == model], tiled)
        rows = patches[(patches["model"] == model) & (patches["region"] == HEADLINE_REGIONS[1])]
        if "sharpness" in rows and rows["sharpness"].median() < BLURRED:
            found.append(
                f"{model_name(model)} is blurred ({rows['sharpness'].median():.2f} of the real "
                "slides' sharpness): SSIM and PSNR reward that."
            )
    if uncertainty is not None:
        alarmed = uncertainty[uncertainty["alarm"].fillna("") != ""]
        found += [
            f"{row['sample']} ({model_name(row['model'])}) is unlike the slides trained on: "
            f"{row['alarm']}."
            for _, row in alarmed.iterrows()
        ]
    if textured:
        found.append(
            "The finest grain of the stained slides is noise, as strong as the real slides' grain "
            "(infer.texture): no grain of it shows where a cell lies."
        )
    if "lpips" not in patches or patches["lpips"].isna().all():
        found.append("LPIPS was not measured; nothing here sees texture as people do.")
    found.append(
        "SSIM, PSNR and LPIPS count a shift of CT against section as an error, and colours cannot "
        "tell what the CT does not show (docs/trust.md)."
    )
    return found


def _faults(name: str, rows: pd.DataFrame, tiled: bool) -> list[str]:
    """Return the faults of whole slides that lie above what is harmless."""
    found = []
    for column, limit, text in (
        ("seam_ratio", SEAM, "has seams between tiles (contrast ratio {:.2f})"),
        ("false_hole_fraction", HOLES, "invents holes in bone ({:.1%} of it)"),
        ("dark_tissue_fraction", DARK, "paints tissue as dark as metal ({:.1%} of it)"),
    ):
        if column == "seam_ratio" and not tiled:
            continue
        if column in rows and rows[column].max() > limit:
            worst = rows.loc[rows[column].idxmax()]
            found.append(f"{name} {text.format(worst[column])} on {worst['sample']}.")
    return found
