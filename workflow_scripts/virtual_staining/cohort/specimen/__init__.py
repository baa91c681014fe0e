"""The synthetic specimen: bone, screw and cells at any physical point."""
