"""Bring raw volumes and slides of any container to the working formats and sizes (paper 2.2)."""
