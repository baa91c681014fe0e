"""Registration: the section's plane in the volume, its distortion, and the resampled pair.

Paper 2.3: a rigid 3D transformation finds the plane in the volume by mutual information, an affine
one then takes out the section's scale and shear; the pair is cropped to its common field of view.

To follow how one section is registered, read in this order:

1. ``section.py``: the whole way, from the ingested volume and slide to the files written.
2. ``similarity/``: a pose (``pose.py``), the volumes and colour classes that are compared
   (``scales.py``), and their mutual information (``mutual_information.py``).
3. ``search/single.py``: independent searches until two agree. Each takes starting poses
   (``starts.py``; without a first guess ``scan.py``), climbs from the best coarse to fine
   (``coarse_to_fine.py``, one climb in ``coordinate_ascent.py``); the agreement of the searches
   gives the confidence (``confidence.py``).
4. ``result/``: the pair (``pair.py``), doubts about it (``flags.py``), its picture (``qc.py``).

Sections of one block are first searched together (``block.py``, ``search/block/``) and then read
their planes from ``planes.json`` (``block_plane.py``). ``review.py`` gathers all registrations;
``points.py`` maps points between slide and volume.
"""
