"""Pages and code are in plain English, every example on a page runs, and the README stays short."""

import re
from pathlib import Path

import pytest

from tests import test_layout

ROOT = Path(__file__).parent.parent
CODE = ("stackit", "competitions", "tests", "docs", "findings")
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "competitions").rglob("README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tests" / "bench").glob("*.md")),
]
PER = (
    "batch|channel|class|column|core|epoch|estimator|feature|file|fit|fold|image|label|layer|level|member|model"
    "|name|net|network|output|photograph|prediction|process|repeat|row|run|sample|split|step|table|task|worker"
)
RIDDLES = {
    r"anew": "again, or a verb with re-: recomputed, refitted",
    r"whom|whose": "of which, or a sentence of its own",
    r"nobody|somebody": "no one is needed: say which code",
    r"beside": "next to, in addition to, besides",
    r"by heart": "overfits, memorises",
    r"at once of its own": "together",
    rf"(?:once|one|an? [a-z-]+) an? (?:{PER})": "per",
    r"answer(?:s|ed|ing)?": "prediction, predicts",
    r"asks|asking|asked": "predict; is called with; requested",
    r"told": "says, passes, gets",
    r"minds|minded": "respects, depends on",
    r"habits?": "traits, conventions",
    r"rooms?|(?:the|whole) house(?! prices)": "folder, module, package",
    r"speaks?|spoken": "says, names",
    r"(?:those|he|they|one) who": "estimators that, callers that",
    r"(?:is|are|and) said so": "warns, is reported",
    r"heed(?:s|ed)?|hark|lest|naught|nought|thereof|whereof|hitherto|unto|ere": "a present-day word",
    r"of its own accord": "by default, itself",
}
PATTERNS = {
    re.compile(rf"\b(?:{words})\b".replace(" ", r"\s+"), re.IGNORECASE): advice
    for words, advice in RIDDLES.items()
}


def riddles_of(path: Path) -> list[str]:
    """Return where a file has riddles, in names of variables too, and what to write instead."""
    text = path.read_text(encoding="utf-8").replace("_", " ")
    return [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}: write {advice}"
        for pattern, advice in PATTERNS.items()
        for match in pattern.finditer(text)
    ]


FILES = {
    path.relative_to(ROOT).as_posix(): path
    for folder in CODE
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__)
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_have_no_riddles(page):
    assert riddles_of(page) == []


@pytest.mark.parametrize("folder", CODE)
def test_code_has_no_riddles(folder):
    files = [path for file, path in FILES.items() if file.startswith(f"{folder}/")]
    assert [riddle for path in files for riddle in riddles_of(path)] == []


def test_the_patterns_find_riddles_and_leave_plain_english_alone():
    riddles = [
        "fitted anew",
        "a weight an estimator",
        "trained once a fold",
        "those who are asked",
        "is told y",
    ]
    assert all(any(pattern.search(line) for pattern in PATTERNS) for line in riddles)
    plain = [
        "one weight per estimator",
        "house_prices".replace("_", " "),
        "an estimator of a class",
        "row by row",
    ]
    assert not any(pattern.search(line) for line in plain for pattern in PATTERNS)


def test_the_readme_is_read_to_the_end():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 180


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_of_a_page_is_run(page):
    blocks = re.findall(
        r"^```([a-z]+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert [block for _, block in blocks if not block.startswith(">>> ")] == []


def test_every_command_of_make_on_a_page_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert named <= targets


@pytest.mark.parametrize(
    "picture", [*sorted((ROOT / "docs" / "images").glob("*.[ps][nv]g"))], ids=lambda p: p.name
)
def test_pictures_are_small(picture):
    assert picture.stat().st_size < 60_000


def test_files_that_pages_name_exist():
    pattern = re.compile(r"`((?:stackit|tests|docs|competitions|findings)/[\w./-]+\.\w+)`")
    named = {name for page in PAGES for name in pattern.findall(page.read_text(encoding="utf-8"))}
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_names_that_pages_find_in_files_are_there():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name, file in re.findall(r"`(\w+)` in\s+`(stackit/[\w/]+\.py)`", pages):
        code = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^ *(?:def|class) {name}\b", code, re.MULTILINE), f"{name} is not in {file}"


def test_the_order_of_imports_on_the_architecture_page_is_that_of_the_tree():
    page = (
        (ROOT / "docs" / "architecture.md")
        .read_text(encoding="utf-8")
        .partition("## The order of imports")[2]
    )
    order = re.findall(r"`(\w+)`", page.split("\n\n")[2])
    allowed = {name: set(order[:at]) for at, name in enumerate(order)}
    for path in test_layout.FILES:
        folder = test_layout.folder_of(path)
        if folder not in ("__init__", "__main__"):
            assert test_layout.folders_imported_by(path) <= allowed[folder], (
                f"{path} imports what is to its right"
            )
