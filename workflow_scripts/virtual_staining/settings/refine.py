"""The ``refine`` block: soft tissue of training slides brought nearer to the CT."""

from collections.abc import Iterator
from typing import ClassVar

from virtual_staining.settings.base import Settings, key


class RefineSettings(Settings):
    """Refinement of the training pairs' soft tissue, which moves when a section is cut and glued.

    Each training slide is compared with what tables or models that were fitted without it predict
    from its CT. Bone stays where the registration put it. A slide is changed
    only where the gain exceeds that of the same refinement against another specimen. Validation and
    test slides, and all numbers, are those of the unrefined slides.
    """

    block_name: ClassVar[str] = "refine"

    rounds: int = key(
        0,
        "number of times that tables are fitted and slides refined; 0, as the paper, refines none",
        paper="2.3",
        ge=0,
        le=5,
    )
    smooth_um: float = key(
        75,
        "standard deviation of the Gaussian that smooths a displacement",
        unit="µm",
        gt=0,
        le=1000,
    )
    max_um: float = key(100, "largest displacement", unit="µm", gt=0, le=1000)
    check_px: float = key(
        1,
        "distance up to which the displacements there and back must agree to count",
        unit="px",
        gt=0,
        le=100,
    )
    min_gain: float = key(
        0.1,
        "gain of soft tissue's SSIM to the prediction, beyond the gain against another specimen,"
        " from which a refinement is taken. Displacements that a prediction truly shows gain 0.4,"
        " predictions that show none of the soft tissue up to 0.03 (benchmarks/refine.py)",
        ge=0,
        le=1,
    )
    predictions: str | None = key(
        None,
        "results folder of an earlier run of the same pairs, whose trained model refine.model"
        " predicts each slide in the fold that did not train on it; null: tables of grey level and"
        " colour predict. Soft tissue that the CT shows faintly needs a trained model",
        values="a path, or null",
        pattern=r"^[^\x00-\x1f{}<>]+$",
    )
    model: str | None = key(
        None, "the model of that earlier run", values="the name of a model, or null"
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield an earlier run without its model, and a model without an earlier run."""
        if (self.predictions is None) != (self.model is None):
            yield "model", "given together with predictions, or null like predictions"
