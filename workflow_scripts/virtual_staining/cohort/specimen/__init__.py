"""The truth of a synthetic sample: bone, screw and cells at any point."""
