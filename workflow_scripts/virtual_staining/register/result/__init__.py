"""From a pose to its results: the pair on a common grid, flags, figures and transform files."""
