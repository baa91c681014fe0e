"""The metrics of two colour images."""
