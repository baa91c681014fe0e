"""The file ``generator.pt``, in which ``train`` leaves the networks for later stages.

The file holds a dictionary, which ``torch.load(path, weights_only=True)`` reads:

``format``, ``version``
    Format of the file, and version of the program that wrote it. Format 1 lacks both keys.
``model``, ``settings``
    Name of the model, and all settings of the training.
``generators``
    State dict of each network: ``forward`` makes slides from CT, ``reverse`` makes CT from slides.
``epoch``, ``loss``
    Epoch whose weights these are, and ``last`` or the loss that was lowest in that epoch.
``trained_on``
    From format 3 on, where the study is known: see
    :class:`~virtual_staining.artefacts.trained_on.TrainedOn`.
"""

import re
from pathlib import Path

import torch

from virtual_staining import __version__
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.trained_on import TrainedOn, trained_on_from_file
from virtual_staining.errors import InputError
from virtual_staining.settings.train import TrainSettings

FORMAT = 4
# Name of each network in the file, by the image that the network generates.
DIRECTIONS = {"slide": "forward", "ct": "reverse"}


def write_generator(
    path: str | Path, settings: TrainSettings, state: dict, epoch: int, loss: str
) -> None:
    """Write a generator file.

    Parameters
    ----------
    path : path
        File to write.
    settings : TrainSettings
        Settings of the training.
    state : dict
        State dict of all generators together, as :class:`~virtual_staining.models.model.Model` has
        it.
    epoch : int
        Epoch whose weights these are.
    loss : str
        ``last``, or the loss component that was lowest in that epoch.
    """
    generators: dict[str, dict] = {}
    for key, value in state.items():
        target, parameter = key.split(".", 1)
        generators.setdefault(DIRECTIONS[target], {})[parameter] = value.detach().cpu().clone()
    content = {
        "format": FORMAT,
        "version": __version__,
        "model": settings.model,
        "settings": settings.model_dump(),
        "generators": generators,
        "epoch": epoch,
        "loss": loss,
    }
    _save(content, path)


def state_trained_on(path: str | Path, trained_on: TrainedOn, out: str | Path) -> None:
    """Copy a generator file with what its networks were trained on.

    Parameters
    ----------
    path : path
        A generator file.
    trained_on : TrainedOn
        Facts of the study; they replace those of the file.
    out : path
        File to write; it may be the same.

    Raises
    ------
    InputError
        As in :func:`load_generators`.
    """
    content = load_content(path)
    content |= {"format": FORMAT, "trained_on": trained_on.to_file()}
    _save(content, out)


def read_origin(path: str | Path) -> tuple[int, str]:
    """Return the epoch of a generator file, and ``last`` or the loss that was lowest in it.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    content = load_content(path)
    try:
        return int(content["epoch"]), str(content["loss"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a generator file, or damaged ({error})") from error


def read_description(path: str | Path) -> dict:
    """Return all that a generator file states in words and numbers, without the weights.

    Raises
    ------
    InputError
        As in :func:`load_generators`.
    """
    content = load_content(path)
    facts = content.get("trained_on")
    words = {key: value for key, value in content.items() if key != "generators"}
    about = trained_on_from_file(facts, path).describe() if facts is not None else None
    return {**words, "trained_on": about}


def load_trained_on(path: str | Path) -> TrainedOn:
    """Return what the networks of a generator file were trained on.

    Raises
    ------
    InputError
        As in :func:`load_content`, and if the file does not say.
    """
    facts = load_content(path).get("trained_on")
    if facts is None:
        raise InputError(
            f"{path}: does not say what its networks were trained on (format 2 or older, or "
            "weights straight from a training); take generator.pt of a study that this version "
            "has completed, or run `package complete` on it"
        )
    return trained_on_from_file(facts, path)


def load_content(path: str | Path) -> dict:
    """Return the dictionary of a generator file, on the CPU.

    Raises
    ------
    InputError
        If the file is missing, damaged, of a newer format or no generator file.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        _check_format(content, path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; give the generator.pt in it") from error
    except InputError:
        raise
    except Exception as error:  # torch raises a dozen kinds for a file that is not its own
        why = f" ({error})" if re.search("[a-z]", str(error)) else ""  # some say a number alone
        raise InputError(f"{path}: not a generator file, or damaged{why}") from error
    return content


def _check_format(content: dict, path: str | Path) -> None:
    if content.get("format", 1) > FORMAT:
        raise InputError(
            f"{path}: written in format {content['format']} by virtual_staining "
            f"{content.get('version')}; this is version {__version__}, which reads formats up to "
            f"{FORMAT}. Update virtual_staining"
        )


def _save(content: dict, path: str | Path) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)  # the name of an open file does not enter the archive
