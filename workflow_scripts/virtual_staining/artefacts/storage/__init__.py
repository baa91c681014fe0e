"""How artefacts lie on disk: whole or not at all, images, pyramids."""
