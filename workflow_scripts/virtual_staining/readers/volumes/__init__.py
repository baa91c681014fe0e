"""Raw volumes, one file for each container."""
