"""What is wrong with a stained slide as a whole: seams of tiles, invented holes and implant."""
