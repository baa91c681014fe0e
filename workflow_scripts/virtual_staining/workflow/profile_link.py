"""Link ``profiles/slurm-gpu`` to where ``snakemake --profile slurm-gpu`` looks for it."""

from pathlib import Path

import platformdirs

REPOSITORY = Path(__file__).resolve().parents[3]


def link_profile(name: str = "slurm-gpu", folder: Path | None = None) -> str:
    """Link a profile into the user's Snakemake folder, never over something that is there.

    Parameters
    ----------
    name : str
        Folder below ``profiles/``.
    folder : path, optional
        Where Snakemake looks for profiles by bare name; the user's own by default.

    Returns
    -------
    str
        One sentence that says what was done.
    """
    folder = folder or Path(platformdirs.user_config_dir("snakemake"))
    target = REPOSITORY / "profiles" / name
    link = folder / name
    if link.is_symlink() and link.resolve() == target:
        return f"{link} already leads to {target}"
    if link.exists() or link.is_symlink():
        return (
            f"{link} is already there and was left alone; "
            f"use `snakemake --profile profiles/{name}` for this checkout"
        )
    folder.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target, target_is_directory=True)
    return f"linked {link} to {target}: `snakemake --profile {name}` finds it"


if __name__ == "__main__":
    print(link_profile())
