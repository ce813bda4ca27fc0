"""Strips and charts as inline SVG: colors are those of the page, and texts keep their size on any width."""

from __future__ import annotations

from collections.abc import Sequence

from stackit.report.charts import Area, LineChart, Series, Strip
from stackit.report.page.markup import Markup, element, join

__all__ = ["draw_chart", "draw_strip", "legend"]

HEIGHT = 22
MIDDLE = "50%"


def draw_strip(strip: Strip, label: str | None = None) -> Markup:
    """Return a strip as SVG; without a label it is decoration, and its numbers are next to it."""
    parts: list[Markup] = []
    if strip.origin is not None:
        at = f"{strip.at(strip.origin)}%"
        parts.append(element("line", x1=at, x2=at, y1="0", y2="100%", class_="origin"))
    if strip.bar is not None:
        ends = sorted(
            (strip.at(strip.origin if strip.origin is not None else strip.low), strip.at(strip.bar))
        )
        width = f"{max(ends[1] - ends[0], 0.4):.2f}%"
        parts.append(element("rect", x=f"{ends[0]}%", width=width, y="5", height="12", rx="2", class_="bar"))
    if strip.interval is not None:
        low, high = (f"{strip.at(each)}%" for each in strip.interval)
        parts.append(element("line", x1=low, x2=high, y1=MIDDLE, y2=MIDDLE, class_="whisker"))
    parts += [
        element("circle", cx=f"{strip.at(dot)}%", cy=MIDDLE, r="3.5", class_="dot") for dot in strip.dots
    ]
    if strip.mark is not None:
        parts.append(element("circle", cx=f"{strip.at(strip.mark)}%", cy=MIDDLE, r="5", class_="mark"))
    named = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return element("svg", *parts, class_=f"strip {_tone(strip.tone)}", height=HEIGHT, **named)


def draw_chart(chart: LineChart, alt: str) -> Markup:
    """Return a chart: a grid of tick texts around an SVG that fills the width."""
    x, y = chart.x, chart.y
    grid = [
        element("line", x1="0", x2="1000", y1=1000 - y.at(tick), y2=1000 - y.at(tick), class_="grid")
        for tick in y.ticks
    ]
    if chart.diagonal:
        ends = max(x.low, y.low), min(x.high, y.high)
        (x1, x2), (y1, y2) = [x.at(end) for end in ends], [1000 - y.at(end) for end in ends]
        grid.append(element("line", x1=x1, x2=x2, y1=y1, y2=y2, class_="guide"))
    if chart.level is not None:
        at = 1000 - y.at(chart.level)
        grid.append(element("line", x1="0", x2="1000", y1=at, y2=at, class_="guide"))
    shapes = [_area(chart, area) for area in chart.areas]
    shapes += [_shape(chart, series) for series in chart.series if series.kind != "dots"]
    flat = element(
        "svg",
        *grid,
        *shapes,
        viewBox="0 0 1000 1000",
        preserveAspectRatio="none",
        role="img",
        aria_label=alt,
        class_="shapes",
    )
    dots = join(_dots(chart, series) for series in chart.series if series.kind != "bars")
    over = element("svg", dots, aria_hidden="true", class_="dots")
    y_ticks = [
        element("span", text, style=f"bottom:{y.at(tick) / 10:.2f}%")
        for tick, text in zip(y.ticks, y.texts, strict=True)
    ]
    x_ticks = [
        element("span", text, style=f"--at:{x.at(tick) / 1000:.4f};--wide:{len(text)}ch")
        for tick, text in zip(x.ticks, x.texts, strict=True)
    ]
    return element(
        "div",
        element("p", y.title, class_="y-title", aria_hidden="true"),
        element("div", *y_ticks, class_="y-ticks", aria_hidden="true"),
        element("div", flat, over, class_="area"),
        element("div", *x_ticks, class_="x-ticks", aria_hidden="true"),
        element("p", x.title, class_="x-title", aria_hidden="true"),
        class_="chart",
    )


def legend(series: Sequence[Series]) -> Markup | None:
    """Return the names of series with their colors; None for a single one."""
    if len(series) < 2:
        return None
    items = [
        element("li", element("i", class_=f"swatch {_tone(each.tone)}", aria_hidden="true"), " ", each.name)
        for each in series
    ]
    return element("ul", *items, class_="legend")


def _shape(chart: LineChart, series: Series) -> Markup:
    points = [(chart.x.at(x), 1000 - chart.y.at(y)) for x, y in series.points]
    if series.kind == "bars":
        width = 1000 / max(1, len(points))
        base = 1000 - chart.y.at(max(0.0, chart.y.low))
        bars = [
            element(
                "rect",
                x=round(x - 0.46 * width, 1),
                width=round(0.92 * width, 1),
                y=min(y, base),
                height=round(abs(base - y), 1),
                class_="bar",
            )
            for x, y in points
        ]
        return element("g", *bars, class_=_tone(series.tone))
    path = "M" + "L".join(f"{x:g},{y:g}" for x, y in points)
    return element("path", d=path, class_=f"curve {_tone(series.tone)}")


def _area(chart: LineChart, area: Area) -> Markup:
    above = [f"{chart.x.at(x):g},{1000 - chart.y.at(high):g}" for x, _, high in area.points]
    below = [f"{chart.x.at(x):g},{1000 - chart.y.at(low):g}" for x, low, _ in reversed(area.points)]
    return element("path", d="M" + "L".join([*above, *below]) + "Z", class_=f"band {_tone(area.tone)}")


def _dots(chart: LineChart, series: Series) -> Markup:
    radius = "5" if series.kind == "dots" else "3" if len(series.points) <= 30 else "0"
    if radius == "0":
        return Markup("")
    labels = [*series.labels, *([""] * (len(series.points) - len(series.labels)))]
    return join(
        element("g", element("title", label), _circle(chart, point, radius, series.tone))
        if label
        else _circle(chart, point, radius, series.tone)
        for point, label in zip(series.points, labels, strict=True)
    )


def _circle(chart: LineChart, point: tuple[float, float], radius: str, tone: str) -> Markup:
    x, y = f"{chart.x.at(point[0]) / 10:.2f}%", f"{100 - chart.y.at(point[1]) / 10:.2f}%"
    return element("circle", cx=x, cy=y, r=radius, class_=f"dot {_tone(tone)}")


def _tone(tone: str) -> str:
    return f"tone-{tone}"
