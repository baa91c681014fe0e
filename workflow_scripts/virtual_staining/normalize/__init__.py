"""Normalization of a registered pair: common grey and colour levels (paper 2.5)."""
