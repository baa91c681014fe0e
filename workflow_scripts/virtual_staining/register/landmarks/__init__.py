"""Landmark tables of several programs, told apart by their content."""
