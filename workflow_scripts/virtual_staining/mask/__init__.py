"""04: outline where CT and section show the same tissue.

The correspondence mask leaves out what only one of the two images shows, such as a crack or a
fold. Losses and metrics count inside the mask (paper 2.8).
"""
