"""Synthetic bone–implant blocks: raw tomograms and stained sections with a known truth."""
