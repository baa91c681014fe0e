"""Settings: one file for each block of config.yaml."""
