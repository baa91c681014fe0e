"""06: train one model on one fold.

A training that is stopped continues from its last checkpoint when the same command is given again.
The result is `generator.pt`, which holds the trained networks and all settings that their use
takes (paper 2.6 and 2.7).
"""
