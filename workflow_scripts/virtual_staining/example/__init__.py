"""The real-data example: stained sections of a mouse brain and a whole-brain tomogram.

Not a stage: it writes a sample sheet such as a laboratory would write for its own data.
"""
