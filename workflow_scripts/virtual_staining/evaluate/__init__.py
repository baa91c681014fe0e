"""08: measure SSIM, PSNR and LPIPS of stained slides and tabulate them.

`patches` compares the stained slides of one model and fold with the real ones, patch by patch.
`table` gathers the patches of all models into the table of medians and intervals, and `show`
prints a table. `metrics` finds what the metrics need, such as the weights of LPIPS (paper 2.10).
"""
