"""The generator of slides as TorchScript, which other programs run without this one."""

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from virtual_staining.artefacts.generator_file import DIRECTIONS
from virtual_staining.imaging import intensity
from virtual_staining.models.build import build_generators
from virtual_staining.models.catalogue import model_facts
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.train import TrainSettings


class SlideFromCT(nn.Module):
    """Makes colours of normalized CT.

    Parameters
    ----------
    content : dict
        As from :func:`~virtual_staining.artefacts.generator_file.load_content`.
    """

    def __init__(self, content: dict):
        super().__init__()
        settings = from_dict(TrainSettings, content["settings"], "generator")
        facts = model_facts(settings.model)
        self.network = build_generators(settings)["slide"]
        self.network.load_state_dict(content["generators"][DIRECTIONS["slide"]])
        self.eval()
        self.multiple_px = 2 ** facts.generator(settings).halvings
        self._white = intensity.ct_window(settings.ct_white)[1]
        self._sign = -1.0 if facts.inverts_ct else 1.0

    def forward(self, ct: torch.Tensor) -> torch.Tensor:
        """Map normalized CT (n, 1, y, x) to colours 0 to 255 (n, 3, y, x), float32."""
        x = (ct * (2 / self._white) - 1).clamp(-1, 1) * self._sign
        stained = self.network(x.repeat(1, 3, 1, 1))
        return ((stained + 1) * 127.5).clamp(0, 255)


def script_of(module: SlideFromCT, plane: np.ndarray, out: Path) -> np.ndarray:
    """Write a module as TorchScript and return what the file makes of an example.

    Parameters
    ----------
    module : SlideFromCT
        The module.
    plane : ndarray, float32 (1, 1, y, x)
        Example.
    out : Path
        File to write.

    Returns
    -------
    ndarray, float32 (1, 3, y, x)
    """
    example = torch.from_numpy(plane)
    with torch.inference_mode(), warnings.catch_warnings():
        # PyTorch advises torch.export, whose files the zoo's format 0.5 does not know.
        warnings.simplefilter("ignore", DeprecationWarning)
        buffer = io.BytesIO()  # torch itself ends the process where the disk is full
        torch.jit.save(torch.jit.trace(module, example), buffer)
        out.write_bytes(buffer.getbuffer())
        return torch.jit.load(str(out))(example).numpy()
