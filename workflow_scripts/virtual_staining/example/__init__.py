"""example: prepare the real mouse-brain data and write their sample sheet.

Stained sections of a mouse brain and a whole-brain tomogram are downloaded, or taken from a
folder, and described by a sample sheet such as a laboratory would write for its own data.
"""
