"""00: make synthetic bone–implant blocks with a known truth, as raw files.

The cohort stands in for the paper's data, which are not public. `sheet` writes the sample sheet of
the cohort; `sample` writes the raw tomogram, the stained section and the true pose of one sample.
"""
