"""The page in a real Chromium: no errors, no requests, no cut text; sorting, toggles, accessibility."""

import shutil
from pathlib import Path

import pytest

from stackit.report.page import to_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDTHS = (360, 768, 1280)
PAPER = 688  # A4 without margins
RANGES = (
    *((0.0, 0.1249), (0.0, 0.031), (-0.99991, -0.9999), (-0.5, 0.75), (0.0, 8.0), (0.0, 0.0), (-7.5, 0.0)),
    *((-1e9, 1e9), (1e-9, 3e-9), (1e9, 1e9 + 1e-3), (0.0, 123_456.0), (-99_999.0, 99_999.0), (0.0, 1e-300)),
)
# Texts may be wider than their box only inside a table that can be scrolled.
CUT_TEXTS = """() => [...document.querySelectorAll("body *")]
    .filter((one) => !one.closest(".scroll, svg, .skip") && one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).display !== "inline")
    .map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`)"""
# Texts of ticks that stand out of the box of their section.
STICKING_OUT = """() => [...document.querySelectorAll(".x-ticks span, .y-ticks span")]
    .filter((one) => one.offsetParent).filter((one) => {
        const own = one.getBoundingClientRect(), box = one.closest("section").getBoundingClientRect();
        return own.left < box.left || own.right > box.right;
    }).map((one) => one.textContent)"""
# Texts of the page that are not printed.
NOT_PRINTED = """() => {
    const plain = (text) => text.replace(/\\s/g, "").toLowerCase();
    const printed = plain(document.querySelector("main").innerText);
    return [...document.querySelectorAll("main :is(h2, p, li, dt, dd, th, td, figcaption)")]
        .map((one) => plain(one.textContent)).filter((text) => !printed.includes(text));
}"""
# Texts next to each other, of which one covers the other.
OVERLAPS = """() => [...document.querySelectorAll("tr, .tiles, .controls, .x-ticks, .y-ticks")]
    .flatMap((row) => {
        const boxes = [...row.children].filter((one) => one.textContent.trim() && one.offsetParent)
            .map((one) => {
                const range = document.createRange();
                range.selectNodeContents(one);
                return [one, range.getBoundingClientRect()];
            });
        return boxes.flatMap(([one, a], at) => boxes.slice(at + 1)
            .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
                && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
            .map(([other]) => `${one.textContent.slice(0, 30)} | ${other.textContent.slice(0, 30)}`));
    })"""


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("There is no chromium: apt-get install -y --no-install-recommends chromium.")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS], timeout=120_000)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(reports, hostile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    shown = {"binary": reports["binary"], "regression": reports["regression"], "hostile": hostile}
    pages = {name: report.to_html() for name, report in shown.items()}
    pages["axes"] = to_html(reports["binary"].summary | {"learning_curves": [*map(chart_of, RANGES)]})
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


def chart_of(ends):
    """Return a chart with one range on both axes."""
    loss = {"name": "loss", "mean": ends, "low": ends, "high": ends}
    return {"name": f"from {ends[0]} to {ends[1]}", "epochs": ends, "n_fits": 1, "losses": [loss]}


@pytest.fixture
def open_page(browser, files):
    """Return a function that opens a page, and lists what went wrong in it and what it requested."""
    contexts = []

    def opened(name, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.wrong, page.requested = [], []
        page.on("console", lambda message: page.wrong.append(message.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("dialog", lambda dialog: page.wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: page.requested.append(request.url))
        page.goto((files / f"{name}.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["binary", "regression", "hostile", "axes"])
def test_nothing_is_requested_cut_or_covered_at_any_width(open_page, files, name):
    page = open_page(name)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT_TEXTS) == []
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(STICKING_OUT) == []
    page.click("#unfold")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERLAPS) == []
    assert page.requested == [(files / f"{name}.html").as_uri()]
    assert page.wrong == []


def test_print_has_the_text_of_all_sections_and_tables_and_cuts_nothing(open_page):
    for name in ("regression", "hostile"):
        page = open_page(name, width=PAPER)
        assert "Versions" in page.locator("main").inner_text()
        assert "Predicted and observed, in numbers" not in page.locator("main").inner_text()
        page.emulate_media(media="print")
        assert page.evaluate(NOT_PRINTED) == []
        assert "Predicted and observed, in numbers" in page.locator("main").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
        assert page.evaluate(OVERLAPS) == []
        assert not page.locator("nav").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def violations(page, rules):
    """Return what axe finds by some rules, that is more than minor."""
    options = "{runOnly, resultTypes: ['violations']}"
    found = page.evaluate(f"(runOnly) => axe.run(document, {options}).then((all) => all.violations)", rules)
    return {
        (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"][:200])
        for one in found
        if one["impact"] != "minor"
    }


@pytest.mark.parametrize("name", ["binary", "regression"])
def test_axe_finds_nothing_serious_in_light_and_no_low_contrast_in_dark(open_page, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = open_page(name)
    page.click("#unfold")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(f"() => {{ {script} }}")
    assert violations(page, ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]) == set()
    page.click("button[data-theme=dark]")
    assert violations(page, ["color-contrast"]) == set()
    page.add_style_tag(content="p { color: color-mix(in srgb, var(--ink) 20%, var(--card)) !important; }")
    assert {one[0] for one in violations(page, ["color-contrast"])} == {"color-contrast"}


def names_in(page, section):
    return page.locator(f"#{section} tbody th").all_inner_texts()


def test_headers_sort_their_column_by_mouse_and_by_keyboard(open_page):
    page = open_page("binary")
    before = names_in(page, "leaderboard")
    header = page.locator("#leaderboard thead th").first
    header.locator("button").click()
    assert names_in(page, "leaderboard") == sorted(before, key=str.lower)
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").focus()
    page.keyboard.press("Enter")
    assert names_in(page, "leaderboard") == sorted(before, key=str.lower, reverse=True)
    assert header.get_attribute("aria-sort") == "descending"
    page.locator("#leaderboard thead button").nth(1).click()
    scores = [float(text) for text in page.locator("#leaderboard tbody td:nth-child(2)").all_inner_texts()]
    assert scores == sorted(scores)
    assert header.get_attribute("aria-sort") == "none"


def test_toggles_hide_members_left_out_open_tables_and_choose_colors(open_page):
    page = open_page("hostile")
    row = page.locator("#leaderboard tr.role-left-out")
    assert row.is_visible()
    page.click(".toggle-left-out")
    assert not row.is_visible()
    assert page.locator("details[open]").count() == 0
    page.click("#unfold")
    assert page.locator("details:not([open])").count() == 0
    color = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(color)
    page.click("button[data-theme=dark]")
    assert page.evaluate(color) != light
    page.click("button[data-theme=light]")
    assert page.evaluate(color) == light
    assert page.wrong == []


def test_without_its_script_the_page_shows_all_and_offers_no_buttons(browser, files):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((files / "hostile.html").as_uri())
    assert page.locator("#leaderboard tbody tr").count() == 6
    assert not page.locator(".controls").is_visible()
    assert page.locator("#leaderboard thead button").first.is_disabled()
    context.close()
