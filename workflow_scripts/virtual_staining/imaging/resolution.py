"""Resolution of slides and CT by Fourier ring correlation (paper S3).

Two images correlate ring by ring of spatial frequency; detail finer than where the correlation
falls below a threshold is noise. Traps: a smooth picture without noise never falls; interpolation
correlates the noise of neighbouring pixels, so that a resampled image looks finer than its scan;
texture that a network invents counts as detail in the single-image form; in the pairwise form every
misalignment counts as lost resolution.
"""

import numpy as np

IMAGES = ("real", "generated", "ct", "pair")
COLUMNS = tuple(f"resolution_{image}_um" for image in IMAGES)
SMALLEST_PX = 32
THRESHOLD = 1 / 7  # van Heel and Schatz 2005, doi:10.1016/j.jsb.2005.05.009


def ring_correlation(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlate two sets of patches by rings of spatial frequency.

    The sums over a ring are taken over all patches together. A Hann window keeps the patches'
    edges out.

    Parameters
    ----------
    first, second : ndarray, shape (n, side, side)

    Returns
    -------
    frequency : ndarray, shape (side // 2,)
        Middle of each ring, cycles per pixel, to the Nyquist frequency 0.5.
    correlation : ndarray, shape (side // 2,)
        -1 to 1; NaN where a ring of either set is empty of power.
    """
    return _rings(_spectra(first), _spectra(second))


def single_image_correlation(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlate images with themselves, split into two by their pixels' diagonals.

    The even pixels of even rows are compared with the odd pixels of odd rows, and the two other
    quarters with each other (Koho et al. 2019, doi:10.1038/s41467-019-11024-z). The half pixel
    between the quarters is taken out in Fourier space.

    Parameters
    ----------
    patches : ndarray, shape (n, side, side)
        Even side.

    Returns
    -------
    frequency : ndarray, shape (side // 4,)
        Cycles per pixel of the patches, to 0.25: a split image has half the pixels.
    correlation : ndarray, shape (side // 4,)
        As in :func:`ring_correlation`.
    """
    quarters = [_spectra(patches[:, y::2, x::2]) for y, x in ((0, 0), (1, 1), (0, 1), (1, 0))]
    side = patches.shape[1] // 2
    step = np.fft.fftfreq(side)
    down, right = (np.exp(-1j * np.pi * step) for _ in range(2))
    pairs = (
        (quarters[0], quarters[1] * down[:, None] * right),
        (quarters[2] * right, quarters[3] * down[:, None]),
    )
    first, second = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    frequency, correlation = _rings(first, second)
    return frequency / 2, correlation


def cutoff(frequency: np.ndarray, correlation: np.ndarray, threshold: float = THRESHOLD) -> float:
    """Return the frequency at which a curve first falls below a threshold.

    Parameters
    ----------
    frequency, correlation : ndarray, shape (rings,)
    threshold : float

    Returns
    -------
    float
        Interpolated between rings; NaN where the curve never falls below the threshold, so that the
        pixel size and not the image sets the limit, or is below from the first ring on.
    """
    below = np.flatnonzero(correlation < threshold)
    if not len(below) or below[0] == 0:
        return float("nan")
    k = below[0]
    part = (correlation[k - 1] - threshold) / (correlation[k - 1] - correlation[k])
    return float(frequency[k - 1] + part * (frequency[k] - frequency[k - 1]))


def slide_resolution(
    real: np.ndarray, generated: np.ndarray, ct: np.ndarray, pixel_um: float
) -> dict[str, float]:
    """Measure the resolution of one pair and its stained slide.

    Parameters
    ----------
    real, generated : ndarray, shape (n, side, side, 3)
        Patches.
    ct : ndarray, shape (n, side, side)
    pixel_um : float
        Pixel size, µm.

    Returns
    -------
    dict
        ``resolution_real_um``, ``resolution_generated_um``, ``resolution_ct_um`` (single images)
        and ``resolution_pair_um`` (real against generated): the period at the cut-off, µm, right to
        some three rings; NaN where there is no cut-off.
    """
    curves = slide_curves(real, generated, ct)
    if not curves:
        return dict.fromkeys(COLUMNS, float("nan"))
    values = (pixel_um / cutoff(*curves[image]) for image in IMAGES)
    return dict(zip(COLUMNS, values, strict=True))


def slide_curves(
    real: np.ndarray, generated: np.ndarray, ct: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Correlate one pair and its stained slide by rings of spatial frequency.

    Parameters
    ----------
    real, generated, ct
        As in :func:`slide_resolution`.

    Returns
    -------
    dict
        Image of :data:`IMAGES` to its frequencies (cycles per pixel) and correlations; empty where
        there are no patches of at least 32 pixels.
    """
    even = [side - side % 2 for side in ct.shape[1:]]
    side = min(even, default=0)
    if not len(ct) or side < SMALLEST_PX:
        return {}
    grey = [
        np.mean(image, axis=-1) if image.ndim == 4 else image for image in (real, generated, ct)
    ]
    slide, virtual, plane = (image[:, :side, :side].astype(float) for image in grey)
    curves = (
        *map(single_image_correlation, (slide, virtual, plane)),
        ring_correlation(slide, virtual),
    )
    return dict(zip(IMAGES, curves, strict=True))


def _spectra(patches: np.ndarray) -> np.ndarray:
    side = patches.shape[1]
    window = np.hanning(side + 2)[1:-1]
    centred = patches - patches.mean(axis=(1, 2), keepdims=True)
    return np.fft.fft2(centred * window[:, None] * window)


def _rings(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    side = first.shape[1]
    steps = np.fft.fftfreq(side) * side
    ring = np.hypot(steps[:, None], steps).astype(int).ravel()
    rings = side // 2

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(ring, values.sum(axis=0).ravel(), ring.max() + 1)[1 : rings + 1]

    cross = summed((first * second.conj()).real)
    power = np.sqrt(summed(np.abs(first) ** 2) * summed(np.abs(second) ** 2))
    correlation = np.divide(cross, power, out=np.full(rings, np.nan), where=power > 0)
    return (np.arange(1, rings + 1) + 0.5) / side, correlation
