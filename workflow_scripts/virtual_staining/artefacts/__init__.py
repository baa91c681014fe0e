"""What one stage writes and another reads: writer, reader and check in one file."""
