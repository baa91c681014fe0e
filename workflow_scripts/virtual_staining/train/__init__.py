"""Training of the four models on one fold (paper 2.6 and 2.7)."""
