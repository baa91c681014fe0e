"""A study whose every job takes seconds."""

from workspace import TINY

STAIN = "toluidine_blue"
TRAIN = TINY["train"] | {"buffer_images": 3}
COHORT = {"crossval": {"Mg": 2, "Ti": 0, "PEEK": 0}, "test": {"Mg": 1, "PEEK": 0}}
STUDY = {**TINY, "cohort": {**TINY["cohort"], "stains": {STAIN: COHORT}}, "train": TRAIN}
