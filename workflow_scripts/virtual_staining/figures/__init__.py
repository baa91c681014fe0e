"""09: draw one of the paper's figures from the results of other stages.

Each figure is written as PNG and as SVG (paper Figures 4a, 5, 6 and 7).
"""
