"""03: bring a registered pair to common grey levels and colours.

The CT is scaled so that bone has the grey level 30000 and the background 10000. The slide is white-
balanced and its contrast is stretched (paper 2.5).
"""
