"""view: look at the stained volumes of a results folder in the browser, at full resolution.

A small server, which only this machine reaches and which only reads, shows each ``volume.html``
and cuts the plane that the page stands on out of the full volume. Where neuroglancer is installed
(``pip install neuroglancer``), the volumes open in it as well.
"""
