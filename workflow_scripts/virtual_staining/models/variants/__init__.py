"""The models, one file each; :mod:`virtual_staining.models.catalogue` finds them here."""
