"""Raw volumes, one file a container; see :mod:`virtual_staining.readers.container`."""
