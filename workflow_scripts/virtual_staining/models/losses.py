"""The paper's loss functions, equations (1)–(10), each a function of images and scores.

Images are (n, c, h, w) in network range, masks (n, 1, h, w) weights from 0 to 1, scores have any
shape. The functions take the outputs of the networks instead of the networks, so that several terms
can share one output. The paper prints two-sided equations as sums over both directions. Each
function here returns the term of one direction; the model scales both terms and adds them
(``two_sided_terms``). Nothing here imports torch, because the files in ``variants/`` import this
module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def masked_l1(a: Tensor, b: Tensor, mask: Tensor, over: str) -> Tensor:
    """Mean absolute difference with the correspondence mask as multiplier (paper 2.6.3, 2.8).

    Parameters
    ----------
    a, b : Tensor, shape (n, c, h, w)
        Images to compare.
    mask : Tensor, shape (n, 1, h, w)
        1 where CT and slide correspond; elsewhere ``outside_weight``, or 0.
    over : {'all_pixels', 'masked_pixels'}
        Pixels that the mean runs over: all pixels of the batch, or those of the mask, by their
        weights. The mean over no pixel is 0.
    """
    difference = (a - b).abs() * mask
    if over == "all_pixels":
        return difference.mean()
    return difference.sum() / (mask.sum() * a.shape[1]).clamp_min(1)


def cycle_loss(cycled: Tensor, source: Tensor, mask: Tensor, over: str) -> Tensor:
    """Equation (1), one direction: G_YX[G_XY(x)] against x, or G_XY[G_YX(y)] against y."""
    return masked_l1(cycled, source, mask, over)


def gan_loss(score_fake: Tensor) -> Tensor:
    """Equation (2), one direction: squared distance of D_Y[G_XY(x)] or D_X[G_YX(y)] from 1.

    Equation (8) is the same distance for D[x, G(x)].
    """
    return (score_fake - 1).square().mean()


def identity_loss(identity: Tensor, paired: Tensor, mask: Tensor, over: str) -> Tensor:
    """Equation (3), one direction: G_XY(y) against y, or G_YX(x) against x."""
    return masked_l1(identity, paired, mask, over)


def total_unpaired(gan, cyc, id_, lambda_cyc: float, lambda_id: float):
    """Equation (4): the weighted sum of the standard CycleGAN."""
    return gan + lambda_cyc * cyc + lambda_id * id_


def pixel_loss(fake: Tensor, paired: Tensor, mask: Tensor, over: str) -> Tensor:
    """Equation (5), one direction: G_XY(x) against its paired y, or G_YX(y) against its x."""
    return masked_l1(fake, paired, mask, over)


def greyscale_loss(fake_x: Tensor, mask: Tensor, over: str) -> Tensor:
    """Equation (6): the generated CT's red, green and blue against each other."""
    red, green, blue = fake_x.split(1, dim=1)
    return (
        masked_l1(red, green, mask, over)
        + masked_l1(red, blue, mask, over)
        + masked_l1(green, blue, mask, over)
    )


def total_paired(unpaired, px, gs, lambda_px: float, lambda_gs: float):
    """Equation (7): the paired CycleGAN adds two weighted terms to the sum of equation (4)."""
    return unpaired + lambda_px * px + lambda_gs * gs


def l1_loss(fake_y: Tensor, y: Tensor, mask: Tensor, over: str) -> Tensor:
    """Equation (9): G(x) against y."""
    return masked_l1(fake_y, y, mask, over)


def total_pix2pix(gan, l1, lambda_l1: float):
    """Equation (10): the weighted sum of Pix2Pix."""
    return gan + lambda_l1 * l1


def discriminator_loss(score_real: Tensor, score_fake: Tensor) -> Tensor:
    """Return the mean squared distance of real scores from 1 and of generated scores from 0."""
    return ((score_real - 1).square().mean() + score_fake.square().mean()) / 2
