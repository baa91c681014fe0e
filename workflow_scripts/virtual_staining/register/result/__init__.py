"""What is made of a found pose: the pair, its doubts and its pictures."""
