"""Maths on images that several stages use: arrays in, arrays out."""
