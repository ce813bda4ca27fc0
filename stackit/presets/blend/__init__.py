"""The blend of members: calibrations, candidates, and the choice among them by cross-fitted scores."""

__all__: list[str] = []
