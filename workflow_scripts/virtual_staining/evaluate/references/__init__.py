"""Stains without a network, fitted on the training pairs, that every model should beat."""
