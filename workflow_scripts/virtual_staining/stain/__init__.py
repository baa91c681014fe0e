"""10: stain a whole volume and write it as RGBA.

The volume is stained slice by slice with the generators of the chosen folds, whose colours are
averaged. The result is written as OME-Zarr and as BigTIFF (paper 2.11).
"""
