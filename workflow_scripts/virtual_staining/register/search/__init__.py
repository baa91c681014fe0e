"""The ways to the pose that fits best."""
