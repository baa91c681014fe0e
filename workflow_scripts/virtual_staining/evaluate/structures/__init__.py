"""What bone-implant labs measure, on the real and on the stained slide by the same classifier."""
