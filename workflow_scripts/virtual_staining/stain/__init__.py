"""Stain a whole volume slice by slice and write it as RGBA (paper 2.11)."""
