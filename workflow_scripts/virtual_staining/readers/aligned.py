"""Whether an image that is aligned with a slide fits the slide and the study."""

from virtual_staining.errors import InputError

ALIGNED_COARSER = 1.01  # so many times the study's pixels an aligned pair's may be large


def check_aligned(
    path: str,
    shape: tuple[int, ...],
    slide_shape: tuple[int, ...],
    pixel_um: float,
    working_um: float,
) -> None:
    """Refuse an aligned image (ct_image) that does not fit its slide or the study's pixels.

    Parameters
    ----------
    path : str
        The image.
    shape, slide_shape : (rows, columns)
        Sizes of the image and of its upright slide, px.
    pixel_um, working_um : float
        Pixel size of both, and of all pairs of the study, µm; larger pixels are not interpolated.

    Raises
    ------
    InputError
        Naming the image, both numbers and the remedy.
    """
    if tuple(shape) != tuple(slide_shape):
        raise InputError(
            f"{path}: ct_image has {' x '.join(map(str, shape))} pixels, the slide "
            f"{' x '.join(map(str, slide_shape))}; an aligned pair has one size: export both on "
            "one grid"
        )
    if pixel_um > ALIGNED_COARSER * working_um:
        raise InputError(
            f"{path}: slide_pixel_um is {pixel_um:g} µm, coarser than ingest.voxel_size_um, "
            f"{working_um:g} µm; set ingest.voxel_size_um to {pixel_um:g} or more"
        )
