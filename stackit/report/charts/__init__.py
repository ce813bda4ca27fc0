"""Charts: what is drawn, as plain numbers."""

from stackit.report.charts.axis import Axis, axis_of
from stackit.report.charts.line_chart import Area, LineChart, Series
from stackit.report.charts.strip import Strip

__all__ = ["Area", "Axis", "LineChart", "Series", "Strip", "axis_of"]
