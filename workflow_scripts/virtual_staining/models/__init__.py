"""The models: networks, losses and one training step."""
