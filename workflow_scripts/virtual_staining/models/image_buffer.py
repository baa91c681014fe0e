"""The image buffer that shows a discriminator older generated images too (Zhu et al. 2017)."""

import torch


class ImageBuffer:
    """Keeps up to ``capacity`` generated images and returns a mix of older and new images.

    Parameters
    ----------
    capacity : int
        Number of images kept; with 0 the buffer returns the new images.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.images: list[torch.Tensor] = []

    def exchange(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return as many images as given: each new image or, with probability 1/2, a kept image.

        Parameters
        ----------
        images : Tensor, shape (n, c, h, w)
            New images, detached from their graph.
        generator : torch.Generator
            Source of randomness, on the CPU.
        """
        if self.capacity == 0:
            return images
        chosen = []
        for image in images:
            if len(self.images) < self.capacity:
                self.images.append(image.clone())
                chosen.append(image)
            elif torch.rand((), generator=generator) < 0.5:
                chosen.append(image)
            else:
                index = int(torch.randint(self.capacity, (), generator=generator))
                chosen.append(self.images[index])
                self.images[index] = image.clone()
        return torch.stack(chosen)

    def state_dict(self) -> dict:
        """Return the kept images."""
        return {"images": torch.stack(self.images).cpu() if self.images else None}

    def load_state_dict(self, state: dict, device: torch.device) -> None:
        """Restore the kept images."""
        images = state["images"]
        self.images = [] if images is None else list(images.to(device))
