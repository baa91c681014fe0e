"""Forms of layers and optimizer that run faster on processors."""
