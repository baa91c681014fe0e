"""Search of the orientation that sections cut parallel from one block share."""
