"""The files of a report: written from a summary, and written again with other checks ignored."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stackit.files import atomic_write
from stackit.report.checks.run import check_codes
from stackit.report.markdown import to_markdown
from stackit.report.page import to_html
from stackit.report.summary.summarize import FORMAT

__all__ = ["ignore_checks", "to_json", "write_files"]

IGNORED = {"status": "ignored", "sentence": "The check is ignored."}


def to_json(summary: dict[str, Any]) -> str:
    """Return a summary as JSON."""
    return json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_files(summary: dict[str, Any], folder: Path) -> Path:
    """Write the three files of a report, each whole or not at all, and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / "report.json", to_json(summary))
    atomic_write(folder / "report.md", to_markdown(summary))
    atomic_write(folder / "report.html", to_html(summary))
    return folder / "report.html"


def ignore_checks(folder: str | os.PathLike[str], ignore: Collection[str]) -> bool:
    """Write the files of a report again from its ``report.json``, with these checks ignored and no others.

    What an ignored check found stays in ``report.json``, so that it can be shown again. Checks that were
    ignored when the report was made were not run, and stay ignored.

    Parameters
    ----------
    folder : path
        Where ``report.json`` is, as `Report.save` wrote it.
    ignore : collection of str
        The codes of the checks, such as "STK004".

    Returns
    -------
    bool
        Whether the files were written: not where nothing changes.

    Raises
    ------
    FileNotFoundError
        When there is no ``report.json``.
    ValueError
        When it is damaged or of a later format, or a code is no code of a check.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import out_of_fold
    >>> from stackit.report import ignore_checks, make_report
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> folder = tempfile.mkdtemp()
    >>> page = make_report(out_of_fold([("bayes", GaussianNB())], X, y, cv=5, n_jobs=1), X).save(folder)
    >>> ignore_checks(folder, ["STK014"]), ignore_checks(folder, ["STK014"]), ignore_checks(folder, [])
    (True, False, True)
    """
    ignored = {ignore} if isinstance(ignore, str) else {*ignore}
    check_codes(ignored)
    place = Path(folder)
    summary = _read(place / "report.json")
    results = [_shown(one, one["code"] in ignored) for one in summary["checks"]]
    if results == summary["checks"]:
        return False
    write_files(summary | {"checks": results}, place)
    return True


def _shown(result: dict[str, Any], is_ignored: bool) -> dict[str, Any]:
    """Return the result of a check, ignored or as it was found."""
    was = {**result, **result.get("found", {})}
    was.pop("found", None)
    if not is_ignored or was["status"] == "ignored":
        return was
    return {**was, **IGNORED, "found": {name: was[name] for name in IGNORED}}


def _read(path: Path) -> dict[str, Any]:
    """Read the summary in a file, and check that it is one."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} has no {path.name}: a warning of the run said why it was not written. Run it "
            "again with overwrite=True."
        )
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        number, _ = summary["format"], [one["code"] for one in summary["checks"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no report, or damaged. Run again with overwrite=True.") from error
    if number != FORMAT:
        raise ValueError(
            f"{path} has the format {number!r}, and this stackit reads the format {FORMAT}. Install a later "
            "stackit: pip install --upgrade stackit."
        )
    found: dict[str, Any] = summary
    return found
