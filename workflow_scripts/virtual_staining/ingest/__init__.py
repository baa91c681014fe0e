"""01: bring a raw volume or slide to the working format and size.

`volume` turns a µCT volume of any supported container into a 16-bit OME-Zarr with cubic voxels.
`slide` turns a whole-slide image into a pyramidal OME-TIFF. Physical sizes come from the sample
sheet or from the file; a file without a size is refused (paper 2.2).
"""
