"""A CT as another photon energy would show it, as far as light matter is concerned."""

import torch


def at_another_energy(
    ct: torch.Tensor, light: torch.Tensor, background: torch.Tensor, bone: torch.Tensor
) -> torch.Tensor:
    """Multiply the attenuation of light matter relative to bone; keep background and bone.

    With the photon energy the photoelectric part of bone's attenuation falls faster than the
    attenuation of polymers and soft tissue, which is mostly scatter. Normalization fixes the grey
    of background and bone, so that between them light matter moves with the energy: from 25 to
    45 keV polyether ether ketone from 0.11 to 0.27 of bone (NIST XCOM). A grey at the fraction t of
    the way from background to bone moves to ``t * light ** (1 - t)``; what is brighter than bone
    stays, and what is darker than the background, which is noise, is multiplied.

    Parameters
    ----------
    ct : Tensor, shape (n, 1, h, w)
        Greys in any linear scale.
    light : Tensor, shape (n, 1, 1, 1)
        Factor of the attenuation of matter that attenuates little, below e = 2.7, so that the order
        of greys is kept; 1 changes nothing.
    background, bone : Tensor, shape (n, 1, 1, 1)
        Greys of both in the same scale.

    Returns
    -------
    Tensor, shape (n, 1, h, w)
    """
    span = bone - background
    fraction = (ct - background) / span
    return background + span * fraction * light ** (1 - fraction.clamp(0, 1))
