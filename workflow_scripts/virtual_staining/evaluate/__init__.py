"""08: measure SSIM, PSNR and LPIPS of stained slides and tabulate them.

`patches` compares the stained slides of one model and fold with the real ones, patch by patch.
`table` gathers the patches of all models into the table of medians and intervals, and `show`
prints a table. `backbone` finds the ImageNet weights that LPIPS needs (paper 2.10).
"""
