"""Calibration of the uncertainty of one model, and its checks on every held-out slide.

A slide that raises the alarm is unlike those that were trained on, and calibration slides that do
must not decide how far the others are trusted. So slides without and with an alarm are calibrated
apart (conformal prediction by group; Vovk et al. 2005): those without by slides without, those with
by all, of which the worst decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from virtual_staining.errors import InputError
from virtual_staining.evaluate.trust.novelty import alarm_level, unknown_level
from virtual_staining.evaluate.trust.study import HeldOut
from virtual_staining.evaluate.trust.uncertainty import Calibration, Slide, calibrate, ranking
from virtual_staining.imaging.grey_pairs import LEAST_UNKNOWN
from virtual_staining.settings.evaluate import EvaluateSettings


@dataclass(frozen=True)
class Alarm:
    """Whether a slide is unlike the calibration slides.

    Parameters
    ----------
    spread_level, unknown_level : float
        Mean spread (grey levels) and part of the CT that training planes hardly show, above which
        the alarm is raised.
    reasons : str
        Empty without an alarm.
    """

    spread_level: float
    unknown_level: float
    reasons: str


@dataclass(frozen=True)
class Calibrations:
    """Of slides without an alarm, and of all slides, for those with one."""

    calm: Calibration
    everyone: Calibration

    def of(self, alarm: str) -> Calibration:
        """Return the one for a slide with these reasons for an alarm."""
        return self.everyone if alarm else self.calm


def assess(
    slides: Sequence[HeldOut], settings: EvaluateSettings
) -> tuple[pd.DataFrame, Calibrations]:
    """Calibrate on the validation slides, and check on every slide that the calibration left out.

    Parameters
    ----------
    slides : sequence of HeldOut
    settings : EvaluateSettings

    Returns
    -------
    rows : DataFrame
        One row a slide. A validation slide is checked with the calibration of the others, a test
        slide with that of all.
    calibrations : Calibrations
        Of all validation slides.

    Raises
    ------
    InputError
        If there are fewer than two validation slides, or the stainings have no spread.
    """
    known = [one for one in slides if one.subset == "validation"]
    if len(known) < 2:
        raise InputError(f"trust: {len(known)} validation slides; at least 2 are needed")
    if all(not one.slide.spread.any() for one in slides):
        raise InputError(
            "trust: the stained slides have no spread; set infer.flips: true and stain again"
        )
    alarms = [alarm_of(one, [other for other in known if other is not one]) for one in slides]
    calm = [
        one
        for one, alarm in zip(slides, alarms, strict=True)
        if one.subset == "validation" and not alarm.reasons
    ]
    rows = []
    for one, alarm in zip(slides, alarms, strict=True):
        others = [other for other in known if other is not one]
        alike = [other for other in calm if other is not one]
        chosen = others if alarm.reasons or not alike else alike
        rows.append(_row(one, [other.slide for other in chosen], alarm, settings))
    everyone = calibrate([one.slide for one in known], settings.alpha, settings.delta)
    if not calm:
        return pd.DataFrame(rows), Calibrations(everyone, everyone)
    found = calibrate([one.slide for one in calm], settings.alpha, settings.delta)
    return pd.DataFrame(rows), Calibrations(found, everyone)


def alarm_of(one: HeldOut, others: Sequence[HeldOut]) -> Alarm:
    """Compare a slide's spread and the strangeness of its CT with those of calibration slides."""
    most_spread = alarm_level([float(other.slide.spread.mean()) for other in others])
    most_unknown = unknown_level([other.unknown_fraction for other in others], LEAST_UNKNOWN)
    reasons = []
    if one.slide.spread.mean() > most_spread:
        reasons.append("spread")
    if one.unknown_fraction > most_unknown:
        reasons.append("unknown grey levels")
    return Alarm(most_spread, most_unknown, " and ".join(reasons))


def _row(one: HeldOut, alike: Sequence[Slide], alarm: Alarm, settings: EvaluateSettings) -> dict:
    """Check one slide with the calibration of others."""
    slide, rates = one.slide, (settings.alpha, settings.delta)
    limit = calibrate(alike, *rates).uncertainty(slide.spread, slide.dense)
    flat = [Slide(o.error, np.zeros_like(o.error), o.dense) for o in alike]
    constant = calibrate(flat, *rates).uncertainty(np.zeros_like(slide.error), slide.dense)
    by_spread, by_edge = ranking(slide.error, slide.spread), ranking(slide.error, one.ct_edge)
    return {
        "sample": one.sample,
        "material": one.material,
        "subset": one.subset,
        "error": slide.error.mean(),
        "coverage": (slide.error <= limit).mean(),
        "width": limit.mean(),
        "coverage_constant": (slide.error <= constant).mean(),
        "width_constant": constant.mean(),
        "calibration_slides": len(alike),
        "spearman": by_spread["spearman"],
        "spearman_ct_edge": by_edge["spearman"],
        "risk": by_spread["risk"],
        "risk_ct_edge": by_edge["risk"],
        "top_tenth": by_spread["top_tenth"],
        **{name: value for name, value in by_spread.items() if name.startswith("risk_")},
        "spread": slide.spread.mean(),
        "spread_alarm_level": alarm.spread_level,
        "unknown_fraction": one.unknown_fraction,
        "unknown_alarm_level": alarm.unknown_level,
        "alarm": alarm.reasons,
    }


def uncertainty_image(one: HeldOut, calibration: Calibration) -> np.ndarray:
    """Return a slide's uncertainty, uint8 (y, x) grey levels, 0 outside the mask."""
    levels = calibration.uncertainty(one.spread_map, one.dense_map)
    return np.where(one.mask, np.clip(levels.round(), 1, 255), 0).astype(np.uint8)


def promise(calibrations: Calibrations, settings: EvaluateSettings) -> str:
    """Say what the uncertainty promises, or that it promises nothing."""
    needed = ceil(1 / settings.delta - 1e-9) - 1
    calm, everyone = calibrations.calm.slides, calibrations.everyone.slides
    slides = f"{calm} slide{'s' if calm != 1 else ''} without an alarm"
    if not calibrations.calm.calibrated:
        return (
            f"uncalibrated: {slides} are too few for a promise about {1 - settings.delta:.0%} of "
            f"new slides, which needs {needed}; the largest score is used"
        )
    return (
        f"calibrated on {slides}: on {1 - settings.delta:.0%} of new slides without an alarm at "
        f"least {1 - settings.alpha:.0%} of the pixels have an error up to the uncertainty; that "
        f"of slides with an alarm is calibrated on all {everyone}"
    )
