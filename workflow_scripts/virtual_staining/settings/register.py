"""Settings of the registration."""

from dataclasses import dataclass

from virtual_staining.errors import InputError

MODES = ("auto", "initial_pose", "fixed")
UNSURE = ("drop", "stop", "keep")


@dataclass(frozen=True)
class RegisterSettings:
    """Keys of the ``register`` block.

    Parameters
    ----------
    mode : str
        ``auto`` searches everywhere, ``initial_pose`` around a rough first pose; ``fixed`` takes
        the given pose as it is and only resamples.
    section_thickness_um : float
        Thickness of the section; CT is averaged through it, 0 takes one plane, µm (paper 2.1).
    fan_deg, fan_um : float
        How far around the first guess starting poses are tried: angle, degrees, and shift, µm.
    fan_starts : int
        Number of starting poses.
    searches : int
        Largest number of independent searches; they end when two agree.
    scan_rotations : int
        Number of orientations that ``auto`` tries in its first two searches, doubled with each
        later one.
    scan_step_um : float
        Distance between the positions that ``auto`` tries for each of them, µm.
    coarse_um, fine_um : float
        Voxel sizes, µm, between which the search refines; the nearest levels that halving gives
        are used.
    colour_classes : int
        Colours that the section is reduced to.
    grey_bins : int
        Grey bins of the joint histogram.
    fan_beam, scan_beam : tuple of int
        For ``initial_pose`` and ``auto``: number of starts climbed from briefly, then the number of
        poses climbed from at each level, coarse to fine; the last holds for all finer levels.
    max_scale, max_shear : float
        Scale and shear (fractions) beyond which a result is flagged (paper 2.3: below 4 %).
    min_confidence : float
        Confidence (0–1) below which a search goes on, and a result is flagged as unsure.
    unsure : str
        What becomes of unsure sections: ``drop`` leaves them out of all folds, ``stop`` ends the
        run before any training, ``keep`` takes them as they are. Used by the split.
    """

    mode: str = "auto"
    section_thickness_um: float = 40.0
    fan_deg: float = 15.0
    fan_um: float = 500.0
    fan_starts: int = 4096
    searches: int = 4
    scan_rotations: int = 2000
    scan_step_um: float = 400.0
    coarse_um: float = 160.0
    fine_um: float = 20.0
    colour_classes: int = 8
    grey_bins: int = 32
    fan_beam: tuple[int, ...] = (128, 32, 12, 4, 2)
    scan_beam: tuple[int, ...] = (600, 80, 16, 5, 2)
    max_scale: float = 0.05
    max_shear: float = 0.05
    min_confidence: float = 0.5
    unsure: str = "drop"

    def __post_init__(self) -> None:
        """Refuse values outside their range, naming the key.

        Raises
        ------
        InputError
            If a number is out of range.
        """
        if self.mode not in MODES:
            raise InputError(f"register: mode: {self.mode!r} must be one of {', '.join(MODES)}")
        if self.unsure not in UNSURE:
            raise InputError(
                f"register: unsure: {self.unsure!r} must be one of {', '.join(UNSURE)}"
            )
        ranges = {
            "section_thickness_um": (0, 1000),
            "fan_deg": (0, 180),
            "fan_um": (0, 1e5),
            "fan_starts": (1, 10**7),
            "searches": (2, 20),
            "scan_rotations": (100, 10**6),
            "scan_step_um": (1, 1e5),
            "fine_um": (0.1, self.coarse_um),
            "colour_classes": (2, 32),
            "grey_bins": (4, 128),
            "max_scale": (0, 1),
            "max_shear": (0, 1),
            "min_confidence": (0, 1),
        }
        for key, (low, high) in ranges.items():
            if not low <= getattr(self, key) <= high:
                raise InputError(
                    f"register: {key}: {getattr(self, key)!r} must lie between {low} and {high}"
                )
        for key in ("fan_beam", "scan_beam"):
            if not getattr(self, key) or min(getattr(self, key)) < 2:
                raise InputError(
                    f"register: {key}: {getattr(self, key)!r} must be whole numbers of at least 2"
                )
