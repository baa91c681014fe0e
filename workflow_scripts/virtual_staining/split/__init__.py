"""05: divide a stain's sections into cross-validation folds.

The folds are balanced by implant material, and a group (an animal or an implant) is never divided
between training and validation. Test samples are in no fold (paper 2.4).
"""
