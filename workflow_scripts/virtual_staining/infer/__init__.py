"""Staining of whole slides and planes from overlapping tiles (paper 2.9)."""
