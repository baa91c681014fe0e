"""What is said where a stained volume leaves out a part of the implant."""

import numpy as np
import pytest

from virtual_staining.mask.staining import left_by_staining

IMPLANT = np.zeros((40, 40), bool)
IMPLANT[10:30, 10:30] = True
EVERYWHERE, NOWHERE = np.ones((40, 40), bool), np.zeros((40, 40), bool)


@pytest.mark.parametrize(
    ("pieces", "shown", "said"),
    [
        ([EVERYWHERE], EVERYWHERE, ""),
        ([np.arange(40)[:, None] > 14 + 0 * np.arange(40)], EVERYWHERE, "25% of the implant"),
        ([], EVERYWHERE, "100% of the implant"),
        ([EVERYWHERE], NOWHERE, "shows nothing of the section's implant"),
    ],
)
def test_an_implant_outside_the_volumes_specimen_is_said(pieces, shown, said):
    sentence = left_by_staining(IMPLANT, pieces, shown)
    assert said in sentence and bool(said) == bool(sentence)


def test_without_an_implant_nothing_is_said():
    assert left_by_staining(NOWHERE, [], EVERYWHERE) == ""
