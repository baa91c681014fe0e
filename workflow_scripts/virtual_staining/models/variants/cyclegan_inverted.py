"""The standard CycleGAN on the negative of the CT (paper 3.1)."""

from virtual_staining.models.variants.cyclegan import CycleGAN


class CycleGANInverted(CycleGAN):
    """The standard CycleGAN (equation 4) on inverted CT."""

    name = "cyclegan_inverted"
    title = "Std. CycleGAN + inv. CT"
    order = 3
    inverts_ct = True


MODEL = CycleGANInverted()
