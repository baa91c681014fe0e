"""Random augmented patches of image pairs held in memory."""
