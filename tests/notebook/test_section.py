"""Sections are tables that hold any text as text."""

from html.parser import HTMLParser

import numpy as np

from stackit.notebook import Section, sections_to_html

EVIL = "<script>alert('\"&')</script>"


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.opened, self.closed, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)

    def handle_endtag(self, tag):
        self.closed.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_all_text_is_escaped():
    section = Section(EVIL, [EVIL, "n"], [[EVIL, EVIL]], [EVIL])
    tags = Tags(section.to_html())
    assert "script" not in tags.opened
    assert tags.text.count(EVIL) == 5


def test_tags_are_closed_and_cells_have_heads():
    tags = Tags(sections_to_html([Section("one", ["name", "n"], [["a", 1], ["b", 2.5]]), Section("two")]))
    assert sorted(tags.opened) == sorted(tags.closed)
    assert tags.opened.count("th") == 4  # two of columns, two of rows
    assert tags.opened.count("table") == 1


def test_numbers_are_short_and_gaps_empty():
    page = Section("", ["name", *"abcdef"], [["x", 0.123456789, 7, np.float64(2), float("nan"), None, True]])
    assert Tags(page.to_html()).text == ["", *["name", *"abcdef"], "x", "0.12346", "7", "2", "True"][1:]


def test_long_tables_end_with_how_many_rows_are_left_out():
    page = Section("", ["name"], [[f"row {at}"] for at in range(63)]).to_html()
    assert page.count("<tr>") == 61
    assert "3 more rows are not shown." in page


def test_nothing_is_fetched_and_no_color_is_fixed():
    page = sections_to_html([Section("one", ["name"], [["a"]])])
    assert "http" not in page
    assert "url(" not in page
    assert "color: #" not in page
