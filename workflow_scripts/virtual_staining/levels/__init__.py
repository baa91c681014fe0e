"""levels: find the grey levels of background, bone and implant once for a whole scan.

All sections of the scan are normalized by these levels. Polygons drawn on a section win over what
is found; doubts are said, with the polygon that settles them.
"""
