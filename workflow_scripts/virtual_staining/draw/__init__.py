"""11: write pictures of a stained volume, and a page to turn and to cut the volume in a browser.

The pictures are three orthogonal slices (paper Fig. 8), a rendering with a corner cut away and a
turntable. The page ``volume.html`` is one file that opens by double click and needs no network.
Both show the CT, the real sections and the implant beside the stained volume.
"""
