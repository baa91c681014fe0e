"""Cross-validation folds, balanced by implant material and never dividing a group (paper 2.4)."""
