"""Which pixels are bone, implant or background, and at what levels."""
