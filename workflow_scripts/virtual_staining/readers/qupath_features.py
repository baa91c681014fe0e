"""Features of a GeoJSON file of QuPath in any of its layouts, and the class of each."""

from collections.abc import Collection
from pathlib import Path

from virtual_staining.errors import InputError


def all_features(content: object, path: str | Path) -> list[dict]:
    """Return the features of a file, those that lie in others' ``childObjects`` too.

    Parameters
    ----------
    content : object
        A FeatureCollection, a list of features or one feature. A collection also counts where it
        stands in place of a feature, and where ``features`` alone says that it is one.
    path : path
        For messages.

    Raises
    ------
    InputError
        If the content is none of these.
    """
    if isinstance(content, dict) and (content.get("type") == "Feature" or "features" in content):
        content = [content]
    waiting, features = [content], []
    while waiting:
        group = waiting.pop()
        if not isinstance(group, list) or not all(isinstance(f, dict) for f in group):
            raise InputError(f"{path}: not GeoJSON; expected a FeatureCollection or a feature list")
        for feature in group:
            if "features" in feature:
                waiting.append(feature["features"])
                continue
            features.append(feature)
            for holder in (feature, feature.get("properties")):
                if isinstance(holder, dict) and holder.get("childObjects"):
                    waiting.append(holder["childObjects"])
    return features


def class_of(feature: dict, classes: Collection[str], where: str) -> str:
    """Return the class of a feature; a class derived from one of ``classes`` counts as that.

    Parameters
    ----------
    feature : dict
        Its class is an object with ``name`` or ``names``, or text; QuPath writes derived classes as
        names ``["Bone", "Cortical"]`` or as ``Bone: Cortical``.
    classes : collection of str
        The class names that may occur.
    where : str
        Names file and feature, for messages.

    Raises
    ------
    InputError
        If there is no class, an unknown one, or one derived from two of ``classes``.
    """
    properties = feature.get("properties")
    found = properties.get("classification") if isinstance(properties, dict) else None
    if isinstance(found, dict):
        found = found.get("names") or found.get("name")
    expected = ", ".join(classes)
    names = found if isinstance(found, list) else found.split(":") if isinstance(found, str) else []
    names = [str(name).strip() for name in names]
    if not any(names):
        raise InputError(f"{where}: has no classification; set one of {expected} in QuPath")
    if names[0] not in classes or len(set(names) & set(classes)) > 1:
        raise InputError(
            f"{where}: unknown class {': '.join(names)!r}; expected one of {expected}, or a class "
            "derived from one of them"
        )
    return names[0]
