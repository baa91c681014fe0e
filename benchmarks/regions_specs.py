"""What the cases of the benchmark of levels and regions are."""

from dataclasses import dataclass

import numpy as np

BLOCK_UM = 6000.0


@dataclass(frozen=True)
class Spec:
    """What a case is.

    ``implant`` is a material or nothing; ``bone`` normal, thin, little or much; ``wall`` of the
    tube, none, loose, touching or glass; ``medium`` air, resin, water, or wet for marrow and soft
    tissue that hold their fat and water in air; ``crop`` are the parts of each axis (z, y, x) that
    the field shows; ``circle`` is what stands outside the reconstruction circle.
    """

    name: str
    implant: str = "Ti"
    bone: str = "normal"
    wall: str = "loose"
    medium: str = "air"
    crop: tuple[tuple[float, float], ...] = ((0, 1),) * 3
    circle: float | None = None
    gap: bool = False
    stain: str = "toluidine_blue"
    holes: bool = False
    sections: int = 1
    voxel_um: float = 40.0
    dtype: str = "uint16"


RIM = ((0.0, 0.62),) * 3
INNER = ((0.32, 0.68), (0.32, 0.68), (0.32, 0.68))
MIDDLE = ((0.2, 0.8),) * 3
FLAT = ((0.3, 0.7), (0.0, 1.0), (0.0, 1.0))
SPECS = [
    *(Spec(f"plain-{name or 'none'}", name, sections=2) for name in
      ("Ti", "PEEK", "Mg", "Mg-5Gd", "Mg-10Gd", "", "hydroxyapatite")),
    *(Spec(f"bare-{name or 'none'}", name, wall="none", dtype=dtype) for name, dtype in
      (("Ti", "float32"), ("PEEK", "uint8"), ("Mg-5Gd", "float32"), ("", "uint8"))),
    *(Spec(f"touching-{name or 'none'}", name, wall="touching") for name in
      ("Ti", "PEEK", "Mg", "")),
    *(Spec(f"glass-{name or 'none'}", name, wall="glass") for name in ("PEEK", "Mg-10Gd", "")),
    *(Spec(f"cropped-{name or 'none'}", name, crop=RIM, voxel_um=30) for name in
      ("Ti", "PEEK", "Mg", "")),
    Spec("flat-Ti", crop=FLAT), Spec("flat-PEEK", "PEEK", crop=FLAT, wall="none"),
    *(Spec(f"circle-0-{name}", name, circle=0.0, sections=n) for name, n in
      (("Ti", 1), ("PEEK", 0), ("Mg-5Gd", 1))),
    *(Spec(f"circle-nan-{name}", name, circle=np.nan, dtype="float32", sections=n) for name, n in
      (("Ti", 0), ("Mg", 1))),
    *(Spec(f"resin-{name or 'none'}", name, medium="resin", sections=n, wall=wall)
      for name, n, wall in (("Ti", 1, "none"), ("PEEK", 1, "loose"), ("Mg", 0, "none"),
                            ("", 1, "none"))),
    *(Spec(f"water-{name or 'none'}", name, medium="water", sections=n, wall=wall)
      for name, n, wall in (("Ti", 1, "loose"), ("PEEK", 0, "none"), ("", 1, "loose"))),
    Spec("wet-Ti", medium="wet"), Spec("wet-none", "", medium="wet", wall="none"),
    Spec("inside-wet-none", "", medium="wet", crop=INNER, voxel_um=20),
    Spec("inside-dry-PEEK", "PEEK", crop=INNER, voxel_um=20),
    Spec("inside-wet-Ti", medium="wet", crop=INNER, voxel_um=20, sections=0),
    Spec("little-Ti", bone="little"), Spec("little-PEEK", "PEEK", bone="little"),
    *(Spec(f"thin-{name or 'none'}", name, bone="thin", sections=n, crop=MIDDLE, voxel_um=25)
      for name, n in
      (("Ti", 1), ("", 1), ("Mg", 0))),
    Spec("much-PEEK", "PEEK", bone="much"), Spec("much-none", "", bone="much", wall="none"),
    Spec("pieces-Ti", gap=True), Spec("pieces-none", "", gap=True, wall="none"),
    *(Spec(f"he-{name}", name, stain="hematoxylin_eosin", holes=True) for name in ("Mg", "Ti")),
    Spec("he-PEEK", "PEEK", stain="hematoxylin_eosin"),
    Spec("alone-Mg-10Gd", "Mg-10Gd", sections=0), Spec("alone-Ti-30", sections=0, voxel_um=30),
    Spec("alone-none", "", sections=0, dtype="float32"),
]  # fmt: skip
