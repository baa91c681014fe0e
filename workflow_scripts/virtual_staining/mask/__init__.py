"""Sample correspondence: where CT and section show the same rigid tissue (paper 2.8)."""
