"""A dependency that nothing imports is not installed."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {
    "axe-playwright-python": "axe_playwright_python",
    "dask": "distributed",
    "interpret-core": "interpret",
    "mkdocs-material": "material",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
}
# Extras that stackit uses, and the folders where their libraries may be imported.
USED_IN = {"bench": ["tests"], "dev": ["tests"], "distributed": ["tests", "docs"], "ray": ["tests"]}
TOOLS = {"mypy", "ruff", "pytest", "pandas-stubs", "scipy-stubs"}  # commands, and types for one of them


def library(requirement: str) -> str:
    return re.match(r"[\w-]+", requirement)[0]


def requirements() -> list[tuple[str, str]]:
    """Return each library and the extra that it belongs to; "" for the core."""
    extras = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    return [
        (extra, library(one)) for extra, ours in extras.items() for one in ours if library(one) != "stackit"
    ]


def imported_in(folders: list[str]) -> str:
    files = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md")
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize(("extra", "name"), requirements())
def test_each_dependency_is_imported(extra, name):
    if name in TOOLS or extra == "docs":
        return
    module = MODULES.get(name, name)
    code = imported_in(USED_IN.get(extra, ["stackit", "competitions"]))
    assert re.search(rf"\b(?:import|from) {module}\b|[\"']{module}[\"'.]", code), (
        f"{name} is imported nowhere"
    )


def test_all_has_all_extras_that_a_user_may_want():
    extras = PROJECT["optional-dependencies"]
    wanted = set(re.findall(r"[a-z]+", extras["all"][0].partition("[")[2]))
    assert wanted == set(extras) - {"all", "bench", "dev", "docs", "ray"}
