"""Where the data sets of the competitions are found."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find"]

ROOT = Path(__file__).resolve().parent.parent


def find(folder: str, files: list[str], page: str, data: Path | None = None) -> Path:
    """Return the folder that holds a competition's files.

    Looked for, in this order, in `data` itself or its subfolder, in ``$STACKIT_DATA``, in ``data/`` of the
    repository, and in ``../shared/data/`` next to it.

    Parameters
    ----------
    folder : str
        The name of the competition's folder, such as "titanic".
    files : list of str
        The files that it must hold.
    page : str
        Where a user gets them.
    data : path, optional
        What the user passed as ``--data``; when given, nothing else is looked at.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        When no place has all files; says which, from where, and where they go.
    """
    if data is not None:
        places = [data, data / folder]
    else:
        variable = os.environ.get("STACKIT_DATA")
        roots = [*([Path(variable)] if variable else []), ROOT / "data", ROOT.parent / "shared" / "data"]
        places = [root / folder for root in roots]
    for place in places:
        if all((place / file).is_file() for file in files):
            return place
    raise FileNotFoundError(
        f"The files {', '.join(files)} were not found in {', or in '.join(str(place) for place in places)}. "
        f"Get them from {page} and put them into {ROOT / 'data' / folder}, or pass their folder as --data."
    )
