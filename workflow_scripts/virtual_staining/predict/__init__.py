"""predict: stain a CT volume or slice with a generator file alone, without a study.

The file says for which voxel size, thickness and grey levels its networks were trained. The CT is
read as ingest reads it, brought to these grey levels and stained as the workflow stains volumes. A
warning says where the CT shows what training did not.
"""
