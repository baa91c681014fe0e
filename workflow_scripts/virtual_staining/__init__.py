"""Virtual staining of 3D X-ray histology: one sub-package per stage of the workflow.

The package holds all the logic and never imports Snakemake; ``python -m virtual_staining <stage>``
is what each rule calls and what a person runs by hand.
"""

__version__ = "0.1.0"
