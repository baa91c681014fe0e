"""Raw slides, one file for each container."""
