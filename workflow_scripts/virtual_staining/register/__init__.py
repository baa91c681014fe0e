"""02: find the section's plane in the volume and resample the registered pair.

A rigid 3D transformation places the section in the volume by mutual information. An affine 2D
transformation then takes out the section's scale and shear. The pair is cropped to the field of
view that both images share (paper 2.3).
"""
