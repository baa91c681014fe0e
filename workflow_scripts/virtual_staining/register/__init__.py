"""Registration: the section's plane in the volume, its distortion, and the resampled pair.

Paper 2.3: a rigid 3D transformation finds the virtual plane by mutual information, an affine one
then takes out the section's scale and shear; the pair is cropped to its common field of view.
"""
