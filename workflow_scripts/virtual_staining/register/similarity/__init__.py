"""How well a section at a pose fits the volume."""
