"""The weights of LPIPS' network: from a file, or from torchvision's download."""

import contextlib
import hashlib
import os
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path

import torch

from virtual_staining.errors import InputError
from virtual_staining.evaluate.lpips_network import Lpips, lpips_network
from virtual_staining.settings.evaluate import EvaluateSettings

VARIABLE = "LPIPS_BACKBONE"
REMEDY = (
    f"set evaluate.lpips_backbone or the environment variable {VARIABLE} to a file with "
    "torchvision's squeezenet1_1 weights, or evaluate.lpips to false"
)
URL = "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth"  # torchvision's
TIMEOUT_S = 60  # a silent firewall must not hold a job for ever


def find_backbone(settings: EvaluateSettings) -> dict:
    """Decide whether LPIPS is measured, and with which file.

    The file is looked for in ``lpips_backbone``, in the environment variable ``LPIPS_BACKBONE``
    and, where LPIPS is asked for without a file, in torchvision's download (kept in torch's hub
    cache). It is loaded once, so that a wrong file is noticed here.

    Returns
    -------
    dict
        ``measured`` (bool), ``backbone`` (absolute path or None), ``sha256`` (of the file) and
        ``reason`` (a sentence).

    Raises
    ------
    InputError
        If the file is wrong, or none is given and the download fails; the message says what to set.
    """
    if settings.lpips is False:
        return _absent("turned off (evaluate.lpips)")
    given = settings.lpips_backbone or os.environ.get(VARIABLE)
    if given:
        path, reason = Path(given).resolve(), "file given"
    elif settings.lpips == "if_given":
        return _absent(f"no backbone file given (evaluate.lpips_backbone or {VARIABLE})")
    else:
        path, reason = download(), "torchvision's weights"
    load_network(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"measured": True, "backbone": str(path), "sha256": digest, "reason": reason}


def _absent(reason: str) -> dict:
    return {"measured": False, "backbone": None, "sha256": None, "reason": reason}


def load_network(path: Path) -> Lpips:
    """Build LPIPS on the weights in a file (``squeezenet1_1``, whole or its features alone).

    Raises
    ------
    InputError
        If the file is missing, is no PyTorch state dict, or holds another network.
    """
    try:
        return lpips_network(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (LPIPS backbone); {REMEDY}") from error
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a PyTorch state dict ({error}); {REMEDY}") from error
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: not the weights of squeezenet1_1: {error}; {REMEDY}") from error


def download() -> Path:
    """Fetch torchvision's ``squeezenet1_1`` into torch's hub cache, unless it is there.

    Raises
    ------
    InputError
        If the download fails; the message says what to set instead.
    """
    try:
        with _socket_timeout(TIMEOUT_S):
            torch.hub.load_state_dict_from_url(URL, check_hash=True, map_location="cpu")
    except (OSError, RuntimeError) as error:
        raise InputError(f"LPIPS: cannot download {URL} ({error}); {REMEDY}") from error
    return Path(torch.hub.get_dir(), "checkpoints", URL.rsplit("/", 1)[1]).resolve()


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
