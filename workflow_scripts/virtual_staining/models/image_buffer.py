"""The image buffer that shows a discriminator older generated images too (Zhu et al. 2017)."""

import torch


class ImageBuffer:
    """Keeps up to ``capacity`` generated images and gives back a mix of old and new.

    Parameters
    ----------
    capacity : int
        Images kept; 0 hands every image straight through.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.images: list[torch.Tensor] = []

    def exchange(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return as many images as given, each new or, half of the time, a kept one instead.

        Parameters
        ----------
        images : Tensor, shape (n, c, h, w)
            Newly generated, detached.
        generator : torch.Generator
            Source of chance, on the CPU.
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
                place = int(torch.randint(self.capacity, (), generator=generator))
                chosen.append(self.images[place])
                self.images[place] = image.clone()
        return torch.stack(chosen)

    def state_dict(self) -> dict:
        """Return the kept images."""
        return {"images": torch.stack(self.images).cpu() if self.images else None}

    def load_state_dict(self, state: dict, device: torch.device) -> None:
        """Take up the kept images again."""
        images = state["images"]
        self.images = [] if images is None else list(images.to(device))
