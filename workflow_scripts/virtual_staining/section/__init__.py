"""section: cut any plane out of a stained volume, as a TIFF with its pixel size.

The plane is that of a registered section (its transform.json), goes through three points, or has
a normal and a distance from the middle of the volume. Only the chunks that the plane crosses are
read, from the resolution that fits the pixels. The same plane of the CT can be cut beside it.
"""
