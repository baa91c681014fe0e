"""The metrics of two colour images, one file each; see :mod:`virtual_staining.evaluate.metric`."""
