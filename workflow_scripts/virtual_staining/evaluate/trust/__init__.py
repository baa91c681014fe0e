"""How far a stained slide may be off, where, and whether it is unlike what was trained on."""
