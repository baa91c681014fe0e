"""Colour of stained tissue: Beer–Lambert absorbance per tissue, varying from slide to slide."""

from dataclasses import dataclass

import numpy as np

from virtual_staining.cohort.specimen.labels import Label, is_in
from virtual_staining.cohort.specimen.phantom import Tissue

SECTION_UM = 40.0
"""Thickness at which the colours below were set, µm."""

# transmitted colour of each tissue on a white background (R, G, B)
TOLUIDINE_BLUE = {
    Label.SOFT: (150, 180, 215),
    Label.MARROW: (196, 200, 222),
    Label.CORTICAL: (176, 146, 194),
    Label.TRABECULAR: (168, 140, 194),
    Label.WOVEN: (84, 128, 212),
    Label.LACUNA: (176, 146, 194),
    Label.VESSEL: (226, 228, 236),
    Label.DEGRADATION: (134, 124, 122),
}
HEMATOXYLIN_EOSIN = {
    Label.SOFT: (176, 128, 186),
    Label.MARROW: (186, 150, 196),
    Label.CORTICAL: (222, 106, 136),
    Label.TRABECULAR: (220, 112, 142),
    Label.WOVEN: (206, 124, 168),
    Label.LACUNA: (222, 106, 136),
    Label.VESSEL: (240, 230, 236),
    Label.DEGRADATION: (176, 158, 172),
}
# absorbance that a brown (toluidine blue) or paler (H&E) tone adds to soft tissue
TONE = {"toluidine_blue": (-0.09, 0.02, 0.17), "hematoxylin_eosin": (-0.05, -0.08, -0.02)}
CELL = {"toluidine_blue": (0.85, 0.80, 0.45), "hematoxylin_eosin": (0.60, 0.85, 0.45)}
OPAQUE = {"Mg": (2.6, 2.6, 2.5), "Ti": (2.6, 2.6, 2.6), "PEEK": (1.7, 1.8, 1.9)}
# darker for younger, less mineralized bone (paper 2.1)
YOUTH_GAIN = {"toluidine_blue": 3.0, "hematoxylin_eosin": 0.8}


@dataclass(frozen=True)
class Staining:
    """One slide's colours: ``table`` (labels, 3) absorbance, ``tone`` and ``cell`` (3,)."""

    stain: str
    table: np.ndarray
    tone: np.ndarray
    cell: np.ndarray
    youth: float
    background: np.ndarray


def draw_staining(stain: str, material: str, seed: tuple[int, ...]) -> Staining:
    """Draw a slide's staining strength, dye balance and background tint."""
    rng = np.random.default_rng([*seed, 6000])
    colours = TOLUIDINE_BLUE if stain == "toluidine_blue" else HEMATOXYLIN_EOSIN
    table = np.zeros((len(Label), 3))
    for label, rgb in colours.items():
        table[label] = -np.log10(np.array(rgb) / 250.0)
    table *= rng.uniform(0.85, 1.2) * (1 + rng.uniform(-0.07, 0.07, 3))
    table *= 1 + rng.uniform(-0.08, 0.08, (len(Label), 1))
    if stain == "toluidine_blue":  # laser cutting leaves the screw out of H&E sections
        table[Label.IMPLANT] = OPAQUE[material]
    return Staining(
        stain=stain,
        table=table.astype(np.float32),
        tone=(np.array(TONE[stain]) * rng.uniform(0.6, 1.3)).astype(np.float32),
        cell=(np.array(CELL[stain]) * rng.uniform(0.8, 1.2)).astype(np.float32),
        youth=float(YOUTH_GAIN[stain] * rng.uniform(0.8, 1.2)),
        background=rng.uniform((238, 236, 228), (249, 247, 244)).astype(np.float32),
    )


def absorbance(staining: Staining, found: Tissue, thickness_um: float) -> np.ndarray:
    """Absorbance (n, 3) float32 of tissue that fills the section's thickness."""
    label = found.label
    value = staining.table[label]
    bone = is_in(label, (Label.CORTICAL, Label.TRABECULAR, Label.LACUNA))
    youth = np.clip(1 - found.mineral, -0.08, 0.3) * bone
    grain = np.where(bone, 1 + staining.youth * youth, 1)
    # woven bone, soft tissue and debris are uneven where bone is lamellar
    uneven = is_in(label, (Label.WOVEN, Label.SOFT, Label.MARROW, Label.DEGRADATION))
    grain = np.where(uneven, 1 + 1.2 * (found.mineral - 1), grain)
    value = value * grain[:, None].astype(np.float32)
    soft = is_in(label, (Label.SOFT, Label.MARROW))
    brown = np.where(soft, found.tone, 0) * np.where(label == Label.MARROW, 0.5, 1)
    value += brown[:, None].astype(np.float32) * staining.tone
    value += found.cell[:, None] * staining.cell
    if staining.stain == "hematoxylin_eosin":  # only part of the debris stays on the slide
        value[(label == Label.DEGRADATION) & (found.tone > 0.6)] = 0
    return np.maximum(value, 0) * np.float32(thickness_um / SECTION_UM)
