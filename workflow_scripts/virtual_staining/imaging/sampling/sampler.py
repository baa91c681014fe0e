"""Random augmented patches from image pairs held in memory (paper 2.6.3 and 2.7).

All patches of an epoch are drawn before its first step, from ``(seed, epoch)`` alone. They depend
neither on the hardware nor on the step at which a stopped run resumes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import grid_sample

from virtual_staining.imaging import intensity
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.sampling.cutting import cut_patch
from virtual_staining.imaging.sampling.photon_energy import at_another_energy
from virtual_staining.imaging.sampling.resident import CT_SHIFT, OUTSIDE, Resident, grow, memory_for


@dataclass(frozen=True)
class Plan:
    """The patches of one epoch, in order; arrays of length n (its patches).

    Parameters
    ----------
    pair : ndarray of int
        Index of the pair.
    zoom : ndarray
        Patch pixels per image pixel.
    y_px, x_px : ndarray
        Corner of the patch in the image, whole pixels from the image's outer corner.
    flip : ndarray of bool, shape (n, 2)
        Whether to mirror y, x.
    gain : ndarray, shape (n, 4)
        Contrast and brightness factors of the CT, contrast and brightness factors of the slide.
    light : ndarray
        Factor of light matter's attenuation relative to bone.
    """

    pair: np.ndarray
    zoom: np.ndarray
    y_px: np.ndarray
    x_px: np.ndarray
    flip: np.ndarray
    gain: np.ndarray
    light: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Patches in network range: ``ct`` and ``slide`` (n, 3, p, p), ``mask`` (n, 1, p, p) 0 to 1.

    The mask is the weight of each pixel: 1 inside the correspondence mask, and outside it
    ``outside_weight`` of the sampler, or 0 where the pair holds nothing to learn from.
    """

    ct: torch.Tensor
    slide: torch.Tensor
    mask: torch.Tensor


class Sampler:
    """Draws patches with the same geometry for CT, slide and mask.

    Pairs smaller than a patch are padded by reflection. The padding lies outside the mask, so that
    no ℓ1 term counts it.

    Parameters
    ----------
    pairs : list of TrainingPair
        Images of all pairs, which the sampler holds as 8- and 16-bit integers: in the memory of the
        device if they fit, else of the host. The patches are the same in both cases.
    patch_px : int
        Side of a patch.
    patches_per_pair : int
        Patches of each pair in an epoch.
    rescale, jitter : float
        Largest fraction of zoom, and of contrast and brightness change; 0 for none.
    flips : bool
        Whether half of the patches are mirrored along each axis.
    min_mask_fraction : float
        Patches with less of their area inside the mask are drawn again, up to 50 times.
    window : (low, high)
        Grey levels of normalized CT at the network's -1 and 1.
    device : str or torch.device
        Device on which patches are made.
    outside_weight : float
        Value of the patches' mask in the pairs' ``outside``.
    energy_jitter : float
        Largest fraction by which light matter's attenuation is multiplied or divided
        (:func:`~virtual_staining.imaging.sampling.photon_energy.at_another_energy`); the pairs then
        have ``levels``.
    """

    def __init__(
        self,
        pairs: list[TrainingPair],
        patch_px: int,
        patches_per_pair: int,
        rescale: float,
        jitter: float,
        flips: bool,
        min_mask_fraction: float,
        window: tuple[float, float],
        device: str | torch.device,
        outside_weight: float = 0.0,
        energy_jitter: float = 0.0,
    ):
        self.patch_px, self.patches_per_pair = patch_px, patches_per_pair
        self.rescale, self.jitter, self.flips = rescale, jitter, flips
        self.min_mask_fraction, self.window = min_mask_fraction, window
        # All zooms use one window size, so that windows can be stacked; 2 px serve interpolation.
        self.window_px = math.ceil(patch_px / (1 - rescale)) + 2
        self.device = torch.device(device)
        self.outside_weight, self.energy_jitter = outside_weight, energy_jitter
        self.levels = [pair.levels for pair in pairs]
        self.samples = [pair.sample for pair in pairs]
        grown = [grow(pair, self.window_px) for pair in pairs]
        memory = memory_for(grown, self.device)
        self.images = [Resident(pair, memory) for pair in grown]
        self.areas = [
            np.pad(pair.mask.cumsum(0, dtype=float).cumsum(1), ((1, 0), (1, 0))) for pair in grown
        ]

    def plan(self, seed: int, epoch: int) -> Plan:
        """Draw an epoch: every pair ``patches_per_pair`` times, in random order.

        Patches begin at whole pixels. A patch that is not rescaled is then as sharp as the image;
        interpolation between pixels takes 30 % of the energy of a slide's detail (1.5 px) away.
        """
        rng = np.random.default_rng([seed, epoch])
        pair = rng.permutation(np.repeat(np.arange(len(self.images)), self.patches_per_pair))
        n = len(pair)
        zoom = rng.uniform(1 - self.rescale, 1 + self.rescale, n)
        shapes = np.array([area.shape for area in self.areas])[pair] - 1
        extent = self.patch_px / zoom
        y, x = np.zeros(n), np.zeros(n)
        redo = np.arange(n)
        for _ in range(50 if self.min_mask_fraction > 0 else 1):
            y[redo] = rng.uniform(0, 1, len(redo)) * (shapes[redo, 0] - extent[redo])
            x[redo] = rng.uniform(0, 1, len(redo)) * (shapes[redo, 1] - extent[redo])
            covered = [
                self._mask_fraction(pair[i], y[i], x[i], extent[i]) >= self.min_mask_fraction
                for i in redo
            ]
            redo = redo[~np.array(covered, bool)]
            if not len(redo):
                break
        y, x = np.rint(y), np.rint(x)
        flip = (rng.random((n, 2)) < 0.5) & self.flips
        gain = rng.uniform(1 - self.jitter, 1 + self.jitter, (n, 4))
        largest = math.log1p(self.energy_jitter)
        light = np.exp(rng.uniform(-largest, largest, n))
        return Plan(pair, zoom, y, x, flip, gain, light)

    def _mask_fraction(self, pair: int, y: float, x: float, extent: float) -> float:
        area = self.areas[pair]
        top, left, down, right = (round(v) for v in (y, x, y + extent, x + extent))
        inside = area[down, right] - area[top, right] - area[down, left] + area[top, left]
        return inside / max((down - top) * (right - left), 1)

    def describe(self, plan: Plan, chosen: slice) -> str:
        """Return the samples and corners (pixels) of the ``chosen`` patches, for messages."""
        rows = zip(plan.pair[chosen], plan.y_px[chosen], plan.x_px[chosen], strict=True)
        named = ", ".join(f"{self.samples[i]} at y {y:.0f} x {x:.0f}" for i, y, x in rows)
        return f"patches of {self.patch_px} px: {named}"

    def batch(self, plan: Plan, chosen: slice) -> Batch:
        """Make the ``chosen`` patches of a plan."""
        make = self.cut if self.device.type == "cpu" else self.interpolate
        ct, slide, mask = make(plan, chosen)
        if self.energy_jitter:
            ct = self._at_another_energy(ct, plan, chosen)
        weights = torch.where(mask == OUTSIDE, self.outside_weight, mask)
        return Batch(ct.expand(-1, 3, -1, -1), slide, weights)

    def _at_another_energy(self, ct: torch.Tensor, plan: Plan, chosen: slice) -> torch.Tensor:
        """Return CT patches in network range with the plan's change of light matter."""
        greys = np.array([self.levels[i] for i in plan.pair[chosen]], float)
        background, bone = intensity.ct_to_network(greys, self.window).T
        values = [
            torch.from_numpy(v).to(ct).view(-1, 1, 1, 1)
            for v in (plan.light[chosen], background.copy(), bone.copy())
        ]
        return at_another_energy(ct, *values).clip(-1, 1)

    def cut(self, plan: Plan, chosen: slice) -> tuple[torch.Tensor, ...]:
        """Return CT (n, 1, p, p), slide (n, 3, p, p) and mask (n, 1, p, p), cut patch by patch."""
        pairs, size = plan.pair[chosen], self.patch_px
        y, x = self._positions(plan, chosen) - 0.5
        patches = [torch.empty((len(pairs), c, size, size)) for c in (1, 3, 1)]
        ct, slide, mask = (images.numpy() for images in patches)
        for n, (pair, gain) in enumerate(zip(pairs, plan.gain[chosen], strict=True)):
            image = self.images[pair]
            planes = image.ct[0].numpy(), image.rest.numpy()
            cut_patch(*planes, y[n], x[n], gain, self.window, ct[n, 0], slide[n], mask[n, 0])
        return tuple(patches)

    def interpolate(self, plan: Plan, chosen: slice) -> tuple[torch.Tensor, ...]:
        """Return the same patches as :meth:`cut`, from one interpolation, on any device."""
        pairs = plan.pair[chosen]
        corner = np.stack([plan.y_px[chosen], plan.x_px[chosen]], axis=1)
        shapes = np.array([self.images[i].shape for i in pairs])
        start = np.clip(np.floor(corner).astype(int) - 1, 0, shapes - self.window_px)
        cuts = [
            self.images[i].window(y, x, self.window_px)
            for i, (y, x) in zip(pairs, start, strict=True)
        ]
        # Images in host memory are copied to the device as small integers.
        ct, rest = (torch.stack(c).to(self.device) for c in zip(*cuts, strict=True))
        windows = torch.cat([ct.float() + CT_SHIFT, rest.float()], 1)
        y, x = (self._positions(plan, chosen) - start.T[:, :, None]) * (2 / self.window_px) - 1
        # Only rows and columns are copied to the device, not the grid, and the host does not wait.
        x, y = torch.from_numpy(np.stack([x, y])).to(windows, non_blocking=True)
        grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
        images = grid_sample(
            windows[:, :4], grid, "bilinear", padding_mode="border", align_corners=False
        )
        mask = grid_sample(
            windows[:, 4:], grid, "nearest", padding_mode="border", align_corners=False
        )
        gain = torch.from_numpy(plan.gain[chosen]).to(windows, non_blocking=True)
        gain = gain[:, :, None, None, None]
        ct = jitter_grey(images[:, :1], gain[:, 0], gain[:, 1])
        slide = jitter_colour(images[:, 1:], gain[:, 2], gain[:, 3])
        return intensity.ct_to_network(ct, self.window), intensity.slide_to_network(slide), mask

    def _positions(self, plan: Plan, chosen: slice) -> np.ndarray:
        """Return positions of rows and columns (y and x, n, p), pixels from the outer corner."""
        steps = np.arange(self.patch_px) + 0.5
        corners = (plan.y_px[chosen], plan.x_px[chosen])
        flips, zoom = plan.flip[chosen], plan.zoom[chosen][:, None]
        axes = []
        for corner, flip in zip(corners, flips.T, strict=True):
            axes.append(corner[:, None] + np.where(flip[:, None], steps[::-1], steps) / zoom)
        return np.stack(axes)


def jitter_grey(ct: torch.Tensor, contrast: torch.Tensor, brightness: torch.Tensor):
    """Stretch grey levels about each image's mean, then multiply.

    Parameters
    ----------
    ct : Tensor, shape (n, 1, h, w)
        Grey levels from 0.
    contrast, brightness : Tensor, shape (n, 1, 1, 1)
        Factors; 1 for no change.
    """
    mean = ct.mean((1, 2, 3), keepdim=True)
    return ((ct - mean) * contrast + mean) * brightness


def jitter_colour(rgb: torch.Tensor, contrast: torch.Tensor, brightness: torch.Tensor):
    """Change a slide's contrast and brightness and keep every pixel's ratios R : G : B.

    The change applies to the mean level of each pixel; the same factor multiplies the pixel's three
    channels. The factor is limited so that the brightest channel stays at or below 255.

    Parameters
    ----------
    rgb : Tensor, shape (n, 3, h, w)
        Colours, 0 to 255.
    contrast, brightness : Tensor, shape (n, 1, 1, 1)
        Factors; 1 for no change.
    """
    level = rgb.mean(1, keepdim=True)
    factor = jitter_grey(level, contrast, brightness).clamp_min(0) / level.clamp_min(1e-3)
    return rgb * torch.minimum(factor, 255 / rgb.amax(1, keepdim=True).clamp_min(1e-3))
