"""The page and its Markdown twin: they hold the same, and whatever comes from the data stays text."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from stackit import out_of_fold
from stackit.report import make_report
from stackit.report.markdown import to_markdown
from stackit.report.page import to_html


class Page(HTMLParser):
    """Collects the tags, attributes and texts of a page, without those of its style and script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.inside = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside not in ("style", "script") and data.strip():
            self.texts.append(data.strip())


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_markdown_holds_all_that_the_page_shows(reports, task):
    report = reports[task]
    markdown = re.sub(r"\\(.)", r"\1", report.to_markdown())
    interface = {
        *(
            "Skip to the report",
            "Stacking report",
            "Auto",
            "Light",
            "Dark",
            "Open all tables",
            "Numbers",
            ".",
        ),
        *("← worse", "better →", "Made by stackit. This page loads nothing from anywhere."),
    }
    page = Page(report.to_html().partition("<main>")[2].partition("</main>")[0])
    shown = [text.removeprefix(". ") for text in page.texts if text not in interface]
    missing = [text for text in shown if text not in markdown and not re.fullmatch(r"-?[\d.,]+", text)]
    assert missing == []


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_both_are_made_of_the_json_alone(reports, task):
    report = reports[task]
    summary = json.loads(report.to_json())
    assert to_html(summary) == report.to_html()
    assert to_markdown(summary) == report.to_markdown()


def test_names_from_the_data_stay_text(hostile):
    text = hostile.to_html()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert any("<img src=x onerror=alert(1)>" in each for each in page.texts)
    for twin in (text, hostile.to_markdown(), hostile.to_json()):
        assert not {"\x1b", "\u202e"} & set(twin)
    for line in hostile.to_markdown().splitlines():
        assert not re.search(r"(?<!\\)<", line)
        assert not re.search(r"(?<!\\)\]\(", line)


def test_rows_of_markdown_tables_have_as_many_cells_as_their_headers(hostile):
    tables = re.findall(r"(?:^\|.*\|$\n?)+", hostile.to_markdown(), re.MULTILINE)
    assert len(tables) > 8
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_the_page_names_no_other_place(reports):
    page = Page(reports["binary"].to_html())
    links = [value for name, value in page.attributes if name in ("src", "href", "action")]
    assert all(value.startswith("#") for value in links)
    assert {value[1:] for value in links} <= {value for name, value in page.attributes if name == "id"}
    assert "url(" not in reports["binary"].to_html()


def test_charts_have_a_sentence_instead_and_their_numbers(reports):
    for report in reports.values():
        charts = [value for name, value in Page(report.to_html()).attributes if name == "role"].count("img")
        assert charts >= report.to_html().count("<figure>") > 0
        assert report.to_html().count("<summary>Numbers</summary>") == report.to_html().count("<figure>")


def test_save_writes_the_three_files(reports, tmp_path):
    page = reports["binary"].save(tmp_path / "run")
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "report.json", "report.md"]
    assert json.loads((page.parent / "report.json").read_text(encoding="utf-8"))["name"] == "a run"
    assert page.stat().st_size < 300_000


def test_a_report_of_a_run_needs_no_table_and_other_rows_are_refused():
    frame = pd.DataFrame({"a": range(40)})
    y = frame["a"] * 2.0 + (frame["a"] % 3)
    oof = out_of_fold([("line", LinearRegression())], frame, y, cv=4, n_jobs=1)
    assert make_report(oof).summary["regions"] is None
    assert make_report(oof, frame, X_test=frame.tail(9)).summary["shift"]["n_shifted"] == 1
    with pytest.raises(ValueError, match="X must be the table that the stack was fitted on, of 40 rows"):
        make_report(oof, frame[:30])
