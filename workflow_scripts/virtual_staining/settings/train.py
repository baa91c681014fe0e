"""The settings of a training run: the ``train`` block of config.yaml, the model and the seed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides a training run's result, besides the images.

    Parameters
    ----------
    model : str
        Name of a model in ``models/variants/``.
    seed : int
        Seed of weights, patches, dropout and image buffers.
    epochs, patches_per_pair, batch, patch_px : int
        Length of the run; patches drawn from each pair in an epoch; patches a step; their size.
    rescale, jitter : float
        Largest fraction of zoom, and of contrast and brightness change (paper 2.7).
    min_mask_fraction : float
        Least fraction of a patch inside the correspondence mask; 0 draws patches anywhere.
    validation_patches_per_pair : int
        Fixed patches of each validation pair on which the losses are measured after an epoch.
    ct_white : float
        Normalized grey level that becomes the network's 1.
    features, residual_blocks, unet_depth : int
        Width of all networks, residual blocks of the ResNet, halvings of the U-Net.
    discriminator : str
        ``patchgan_70`` or ``linder_noren_94``.
    buffer_images : int
        Generated images kept for the CycleGAN discriminators.
    learning_rate, adam_beta1, adam_beta2 : float
        Adam.
    decay_from_epoch : int or None
        Epoch after which the learning rate falls linearly to 0 at the end; None keeps it.
    lambda_cyc, lambda_id, lambda_px, lambda_gs, lambda_l1 : float
        Weights of equations (4), (7) and (10); with ``lambda_id`` 0 no identity pass is made.
    l1_mean : str
        ``all_pixels`` or ``masked_pixels``, see :func:`losses.masked_l1`.
    two_sided_terms : str
        ``mean`` or ``sum`` of the two directions in equations (1), (2), (3) and (5).
    infer_checkpoint : str
        ``last``, or the generator loss component at whose minimum the weights are used.
    precision : str
        ``fp32``, ``bf16`` or ``auto``, see :func:`precision.uses_bfloat16`.
    checkpoint_minutes : float
        Longest time between checkpoints from which a stopped run resumes.
    tensorboard : bool
        Whether the history is also written as TensorBoard events.
    """

    model: str
    seed: int
    epochs: int
    patches_per_pair: int
    batch: int
    patch_px: int
    rescale: float
    jitter: float
    min_mask_fraction: float
    validation_patches_per_pair: int
    ct_white: float
    features: int
    residual_blocks: int
    unet_depth: int
    discriminator: str
    buffer_images: int
    learning_rate: float
    adam_beta1: float
    adam_beta2: float
    decay_from_epoch: int | None
    lambda_cyc: float
    lambda_id: float
    lambda_px: float
    lambda_gs: float
    lambda_l1: float
    l1_mean: str
    two_sided_terms: str
    infer_checkpoint: str
    precision: str
    checkpoint_minutes: float
    tensorboard: bool = False
