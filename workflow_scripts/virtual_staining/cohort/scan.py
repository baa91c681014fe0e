"""How a block is scanned: photon energy, grey levels, noise and artefacts."""

import logging
from dataclasses import asdict, dataclass

import numpy as np

from virtual_staining.cohort.specimen.attenuation import attenuation_table
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.cohort.specimen.phantom import Phantom

log = logging.getLogger(__name__)

HEADROOM = 1.12
"""Largest grey an integer scan must hold, relative to the densest label's mean."""
LEAST_SOFT_LEVELS = 2.0
"""Grey levels between soft tissue and air below which the scan's log warns."""


@dataclass(frozen=True)
class Scan:
    """How one block was scanned; grey = background + (bone − background) · attenuation.

    ``energy_kev`` is the photon energy; ``noise`` and ``ring`` are standard deviations relative to
    bone; ``hardening`` is the quadratic coefficient of the recorded line integrals and ``fringe``
    the strength of in-line phase contrast at edges. ``soft_levels`` is the number of grey levels
    between air and soft tissue, ``saturation`` the attenuation relative to bone from which an
    integer volume is clipped (None for float32).
    """

    dtype: str
    energy_kev: float
    bone: float
    background: float
    soft_levels: float
    saturation: float | None
    noise: float
    ring: float
    hardening: float
    fringe: float
    axis_um: tuple[float, float]
    seed: tuple[int, ...]

    def to_dict(self) -> dict:
        """JSON form."""
        return asdict(self)


def draw_scan(
    phantom: Phantom,
    dtype: str,
    block_um: float,
    energy_kev: tuple[float, float],
    seed: tuple[int, ...],
) -> Scan:
    """Draw the scan's grey levels and artefacts, which differ from scan to scan (paper 2.2, 2.5).

    Parameters
    ----------
    phantom : Phantom
        The block; titanium is scanned in the upper half of the energies, because less than a
        thousandth of a 25 keV beam passes the screw.
    dtype : str
        ``uint8``, ``uint16`` or ``float32``. Integer grey levels are compressed where the implant
        would not fit them; a warning says when soft tissue is then hardly told from air.
    block_um : float
        Edge of the scanned cube, µm.
    energy_kev : (low, high)
        Range of the photon energy, keV.
    seed : tuple of int
        The sample's seed.
    """
    rng = np.random.default_rng([*seed, 2000])
    metal = phantom.material == "Ti"
    bone, background = {
        "uint8": (rng.uniform(105, 140), rng.uniform(25, 50)),
        "uint16": (rng.uniform(22000, 36000), rng.uniform(6000, 13000)),
        "float32": (rng.uniform(1.4, 2.6), rng.uniform(-0.05, 0.2)),
    }[dtype]
    # 1 to 2 % of stray light lower a line integral of 2, as behind titanium, by 0.07 to 0.14
    hardening = rng.uniform(0.018, 0.035) if metal else rng.uniform(0.0, 0.02)
    noise, ring = rng.uniform(0.045, 0.08), rng.uniform(0.012, 0.03)
    # beams hard enough for metal show no fringes; softer ones do
    fringe = 0.0 if metal else rng.uniform(0.3, 0.8)
    axis_um = tuple((block_um / 2 + rng.uniform(-60, 60, 2)).tolist())
    low, high = energy_kev
    energy = rng.uniform(0.5 * (low + high) if metal else low, high)
    table = attenuation_table(phantom.implant, energy)
    saturation = None
    if dtype != "float32":
        room = np.iinfo(dtype).max - background
        bone = background + min(bone - background, room / (HEADROOM * float(table.max())))
        saturation = float(room / (bone - background))
    soft_levels = float((bone - background) * table[Label.SOFT])
    if dtype != "float32" and soft_levels < LEAST_SOFT_LEVELS:
        log.warning(
            "%s holds %s beside soft tissue, which is only %.1f grey levels brighter than air",
            dtype, phantom.implant, soft_levels,
        )  # fmt: skip
    return Scan(
        dtype=dtype,
        energy_kev=float(energy),
        bone=float(bone),
        background=float(background),
        soft_levels=soft_levels,
        saturation=saturation,
        noise=float(noise),
        ring=float(ring),
        hardening=float(hardening),
        fringe=float(fringe),
        axis_um=axis_um,
        seed=(*seed, 3000),
    )
