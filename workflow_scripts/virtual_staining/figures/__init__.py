"""Figures of the trained models' slides and metrics, drawn from the results of other stages."""
