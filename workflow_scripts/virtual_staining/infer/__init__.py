"""07: stain whole slides with a trained model.

Each sample of a fold is stained in overlapping tiles, whose results are averaged. The virtual
slide, its spread over the tiles and, if the model has the reverse direction, the virtual CT are
written, with and without the mask (paper 2.9).
"""
