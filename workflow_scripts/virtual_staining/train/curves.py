"""A picture of the loss curves."""

from pathlib import Path

import matplotlib
import pandas as pd

from virtual_staining.files import replacing

matplotlib.use("Agg")
from matplotlib import pyplot as plt

TITLES = {
    "gan": "adversarial",
    "cyc": "cycle",
    "id": "identity",
    "px": "pixelwise",
    "gs": "greyscale",
    "l1": "ℓ1",
    "total": "total",
    "discriminator": "discriminator",
}


def draw_curves(history: pd.DataFrame, path: str | Path) -> None:
    """Draw each loss over the epochs, training and validation, and write a PNG.

    Parameters
    ----------
    history : DataFrame
        As in ``history.csv``: ``epoch``, and columns ``train_<loss>`` and ``validation_<loss>``.
    path : path
        Ends in ``.png``.
    """
    names = [c.removeprefix("train_") for c in history.columns if c.startswith("train_")]
    figure, axes = plt.subplots(
        1, len(names), figsize=(2.6 * len(names), 2.6), layout="constrained", squeeze=False
    )
    marker = "o" if len(history) == 1 else None
    for axis, name in zip(axes[0], names, strict=True):
        axis.plot(history["epoch"], history[f"train_{name}"], marker=marker, label="training")
        if f"validation_{name}" in history:
            axis.plot(
                history["epoch"], history[f"validation_{name}"], marker=marker, label="validation"
            )
        axis.set(title=TITLES[name], xlabel="epoch")
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize="small")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)
