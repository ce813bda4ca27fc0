"""Charts: what is drawn, as plain numbers."""

from stackit.report.charts.line_chart import Area, Axis, LineChart, Series, axis_of
from stackit.report.charts.strip import Strip

__all__ = ["Area", "Axis", "LineChart", "Series", "Strip", "axis_of"]
