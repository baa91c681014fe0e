"""What a training is: the settings and images that decide whether a checkpoint can be continued."""

from collections.abc import Mapping
from typing import Any

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.pair import pair_files
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.training_record import file_checksum
from virtual_staining.models.catalogue import model_facts
from virtual_staining.settings.train import TrainSettings


def weight_keys(settings: TrainSettings) -> dict[str, Any]:
    """Return the keys that reach the weights of the model, and their values."""
    values = settings.model_dump()
    names = {"model", *model_facts(settings.model).keys(settings)}
    return {name: values[name] for name in sorted(names)}


def describe_run(
    settings: TrainSettings, fold: Fold, results: Results, refined: Mapping[str, str] | None = None
) -> dict:
    """Return what a checkpoint must match: settings, the fold, and the images' checksums.

    The number of epochs counts only where the learning rate decays: at a constant rate, the steps
    of a longer training begin with those of a shorter one. ``refined`` holds the digests of refined
    slides by sample; those of validation play no part.
    """
    inputs: dict = {"fold": [list(fold.train), list(fold.validation)]}
    for sample in fold.train + fold.validation:
        for kind, path in pair_files(results, sample).items():
            inputs[f"{sample}/{kind}"] = file_checksum(path)
        if settings.outside_weight:
            inputs[f"{sample}/tissue"] = file_checksum(results.mask(sample).tissue)
    for sample in sorted(set(fold.train) & set(refined or {})):
        inputs[f"{sample}/refined"] = (refined or {})[sample]
    keys = weight_keys(settings)
    if settings.decay_from_epoch is None:
        del keys["epochs"]
    return {"settings": keys, "inputs": inputs}


def difference(recorded: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """Return why checkpoints of a recorded run cannot continue a run; empty if they can.

    Keys that the record holds besides those of the run reach no weights.
    """
    if not recorded:
        return "the checkpoints there do not say what they belong to"
    if recorded.get("format") != run.get("format"):
        return "the checkpoints there are of another version of this program"
    settings, inputs = recorded.get("settings", {}), recorded.get("inputs", {})
    wanted, images = run.get("settings", {}), run.get("inputs", {})
    changed = [key for key in sorted(wanted) if settings.get(key, wanted) != wanted[key]]
    changed += [key for key in sorted({*inputs, *images}) if inputs.get(key) != images.get(key)]
    if not changed:
        return ""
    said = "the checkpoints there belong to a run with other " + ", ".join(changed)
    if changed == ["epochs"]:
        said += " (the learning rate decays, so that every step depends on the number of epochs)"
    return said
