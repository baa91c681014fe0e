"""export: write a stained volume in another form: one NRRD for 3D Slicer, or RGBA slices for Avizo.

The volume is read slab by slab, so that memory does not grow with its size. Both forms carry the
voxel size: NRRD in its header, the slices in their resolution and in a file ``voxel_size_um.txt``.
"""
