"""The ``train`` block, and the settings of one training: the block, the model and the seed."""

from typing import ClassVar, Literal

from virtual_staining.settings.base import LARGEST_SEED, Settings, key


class TrainBlock(Settings):
    """Training of the networks (paper 2.6 and 2.7).

    The defaults are the paper's and take a day or two of a GPU for each model and fold. For a first
    trial lower epochs, features and patches_per_pair. patch_px must be a multiple of 2^unet_depth
    where a U-Net is trained, of 4 otherwise. When a key changes, only the models that it belongs to
    are trained again.
    """

    block_name: ClassVar[str] = "train"

    epochs: int = key(500, "passes over the training pairs", paper="2.6.3", ge=1, le=1_000_000)
    patches_per_pair: int = key(
        100, "patches drawn from each pair in an epoch", paper="2.6.3", ge=1, le=100_000
    )
    batch: int = key(4, "patches of a training step", paper="2.6.3", ge=1, le=4096)
    patch_px: int = key(256, "side of a patch", unit="pixels", paper="2.6.3", ge=32, le=4096)
    rescale: float = key(
        0.1, "largest zoom of a patch, as a fraction: 0.1 is 90 to 110 %", paper="2.7", ge=0, lt=1
    )
    jitter: float = key(
        0.1,
        "largest change of contrast and of brightness, as a fraction, of CT and slide apart",
        paper="2.7",
        ge=0,
        lt=1,
    )
    energy_jitter: float = key(
        0.0,
        "largest change of the attenuation of light matter relative to bone, as a fraction, as"
        " another photon energy makes it: at 0.5 polymers and soft tissue attenuate up to 1.5 times"
        " as much, or as little; background, bone and metal keep their greys. Use it where scans"
        " differ in energy, or samples will be stained whose polymer has another grey. 0: none, as"
        " in the paper",
        ge=0,
        le=1.5,
    )
    min_mask_fraction: float = key(
        0.0,
        "smallest fraction of a patch inside the correspondence mask; 0 draws patches anywhere,"
        " as the paper does. Raise it where training is short and slides are mostly empty",
        ge=0,
        le=1,
    )
    validation_patches_per_pair: int = key(
        20,
        "fixed patches of each validation pair on which the losses are measured after each epoch",
        ge=1,
        le=100_000,
    )
    ct_white: float = key(
        50000,
        "normalized grey level that becomes the network's 1; 0 becomes -1 (bone is 30000,"
        " background 10000)",
        unit="16-bit grey levels",
        gt=0,
        le=65535,
    )
    generator: Literal["paper", "resnet", "unet"] = key(
        "paper",
        "network of the generators. paper: the ResNet for the CycleGANs, the U-Net for Pix2Pix."
        " Without a GPU take unet for every model: a step of the ResNet takes three to eight times"
        " as long",
        paper="2.6.3",
    )
    norm: Literal["instance", "pixel"] = key(
        "instance",
        "normalization inside the generators. instance: every channel by its mean and deviation"
        " over the patch, so that colours depend on where a tile begins. pixel: the channels of"
        " every pixel by their mean square (Karras et al. 2018), so that a plane can be stained"
        " whole and without seams",
        paper="2.6.3",
    )
    grey_levels: int = key(
        0,
        "channels that the generators receive besides the image, each of which shows the grey near"
        " one of so many equally spaced levels with high contrast. 0: the image alone, as in the"
        " paper. Air, soft tissue and polymers lie within a tenth of a CT's greys; with 16 levels"
        " a short training tells them apart",
        ge=0,
        le=256,
    )
    texture: bool = key(
        False,
        "whether the generators learn, apart from the picture, the texture that a CT does not show,"
        " such as cells: how much neighbouring pixels of each colour differ in real sections, and"
        " how coarse the grain is. The discriminators see the picture with noise that adds what it"
        " lacks, the other losses the picture alone. infer.texture shows the texture on slides",
    )
    head: Literal["half", "full"] = key(
        "half",
        "finest levels of the U-Net. half: skip connections end at half the resolution. full:"
        " one more skip connection at full resolution, and doubling by repetition in the three"
        " finest levels, which prints no grid into the picture (Odena et al. 2016)",
    )
    dropout: float = key(
        0.5,
        "fraction of the channels that dropout sets to zero in the U-Net's deep levels",
        paper="2.6.3",
        ge=0,
        lt=1,
    )
    ema: float = key(
        0.0,
        "decay of the exponential mean of the generators' weights over the training steps; the mean"
        " then stains instead of the last step's weights. 0 keeps the last step's weights, as the"
        " paper does; 0.998 suits short trainings",
        ge=0,
        lt=1,
    )
    features: int = key(
        64, "channels of the first layer of all networks", paper="2.6.3", ge=1, le=1024
    )
    residual_blocks: int = key(
        9, "residual blocks of a ResNet generator", paper="2.6.3", ge=0, le=100
    )
    unet_depth: int = key(
        8,
        "halvings of a U-Net generator; patch_px must be a multiple of 2^unet_depth",
        ge=2,
        le=12,
    )
    discriminator: Literal["patchgan_70", "linder_noren_94"] = key(
        "patchgan_70",
        "patchgan_70: the paper's receptive field of 70 x 70 pixels; linder_noren_94: the 94 x 94"
        " pixels of the code that the paper builds on",
    )
    discriminator_norm: Literal["instance", "pixel"] = key(
        "instance",
        "normalization inside the discriminators, as norm in the generators. instance: every"
        " channel by its mean and deviation over the patch, which hides from a discriminator how"
        " strong a texture is. pixel: the picture becomes sharper in short trainings",
        paper="2.6.3",
    )
    buffer_images: int = key(
        50,
        "older generated images shown to the CycleGAN discriminators (Zhu et al. 2017)",
        ge=0,
        le=100_000,
    )
    learning_rate: float = key(0.0002, "step size of Adam", paper="2.6.3", gt=0, le=1)
    adam_beta1: float = key(0.5, "decay of Adam's mean of the gradient", paper="2.6.3", ge=0, lt=1)
    adam_beta2: float = key(
        0.999, "decay of Adam's mean of the squared gradient", paper="2.6.3", ge=0, lt=1
    )
    decay_from_epoch: int | None = key(
        None,
        "epoch after which the learning rate falls linearly to 0; null keeps it, as the paper"
        " names no decay",
        ge=1,
        le=1_000_000,
    )
    lambda_cyc: float = key(
        6.0, "weight of the cycle loss, equations 4 and 7", paper="2.6.3", ge=0, le=1e6
    )
    lambda_id: float = key(
        3.0,
        "weight of the identity loss, equations 4 and 7; at 0 the loss is not computed",
        paper="2.6.3",
        ge=0,
        le=1e6,
    )
    lambda_px: float = key(
        6.0, "weight of the pixelwise loss, equation 7", paper="2.6.3", ge=0, le=1e6
    )
    lambda_gs: float = key(
        1.0, "weight of the greyscale loss, equation 7", paper="2.6.3", ge=0, le=1e6
    )
    lambda_l1: float = key(
        20.0, "weight of Pix2Pix' pixel loss, equation 10", paper="2.6.3", ge=0, le=1e6
    )
    pixel_sigma_px: float = key(
        0.0,
        "standard deviation of the Gaussian that smooths both images before the pixelwise losses"
        " of equations 5 and 9 compare them; 0 compares them as they are, as the paper does."
        " CT and section lie on each other to about a pixel, so that finer detail does not"
        " coincide, and a loss that asks for it anyway makes pictures blunt",
        unit="pixels",
        ge=0,
        le=10,
    )
    outside_weight: float = key(
        0.0,
        "weight in the masked losses of pixels outside the correspondence mask where CT and slide"
        " hold data; the weight inside is 1. At 0 these pixels do not count, as in the paper, and a"
        " network that is trained briefly paints them any colour, black for instance, which then"
        " reaches over the mask's rim",
        paper="2.8",
        ge=0,
        le=1,
    )
    l1_mean: Literal["all_pixels", "masked_pixels"] = key(
        "all_pixels",
        "pixels over which masked losses are averaged. all_pixels takes the paper's words"
        " literally: the mask multiplies the difference, the mean is over all pixels, and a patch"
        " with little tissue weighs little. With masked_pixels a few pixels at a mask's rim weigh"
        " as much as a full patch",
        paper="2.6.3",
    )
    two_sided_terms: Literal["mean", "sum"] = key(
        "mean",
        "how equations 1, 2, 3 and 5 join the two directions. The weights belong to the mean, as"
        " in the code that the paper builds on; the paper's equations print sums",
    )
    infer_checkpoint: str = key(
        "last",
        "weights that stain: last, or those at the minimum of a generator loss on the validation"
        " patches (gan, total; cyc, id, px, gs, l1 where the model has the loss). A change chooses"
        " among the weights that were kept and trains nothing; evaluate.checkpoints compares"
        " them",
        paper="2.6.3",
        only=("choice",),
    )
    precision: Literal["fp32", "bf16", "auto"] = key(
        "fp32",
        "precision of the convolutions in training: fp32, bf16, or auto (bf16 where the chip has"
        " matrix units for it)",
    )
    checkpoint_minutes: float = key(
        10,
        "longest time between checkpoints from which a stopped run continues",
        unit="minutes",
        effect="time lost when a run is stopped",
        ge=0,
        le=10_000,
    )
    tensorboard: bool = key(
        False,
        "whether the losses are also written as TensorBoard events, to tensorboard/ beside"
        " history.csv",
        effect="logging",
    )


class TrainSettings(TrainBlock):
    """The settings of one training: the keys of the block, the model and the seed."""

    model: str = key(meaning="model that is trained: the name of one in virtual_staining/models")
    seed: int = key(
        meaning="seed of weights, patches, dropout and image buffers", ge=0, le=LARGEST_SEED
    )
