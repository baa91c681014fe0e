"""Search of the pose at which a section fits the volume best."""
