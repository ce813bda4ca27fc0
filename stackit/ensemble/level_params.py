"""Levels by number: their parameters, and those of their estimators, are parameters of the ensemble."""

from __future__ import annotations

from typing import Any, Self

from stackit.ensemble.level import Level, levels_in
from stackit.estimators.copies import CopiedEnsemble

__all__ = ["NumberedLevels"]


class NumberedLevels(CopiedEnsemble):
    """An object whose `levels` are known as ``level_1``, ``level_2`` and so on."""

    levels: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, also ``level_1``, ``level_1__<estimator>`` and so on.

        Parameters
        ----------
        deep : bool
            Whether to look into levels and estimators.

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        for name, level in self._named_levels().items() if deep else ():
            params[name] = level
            params.update({f"{name}__{key}": value for key, value in level.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, such as ``cv=5``, ``level_2__nested=True`` or ``level_1__forest__max_depth=3``.

        Parameters
        ----------
        **params : dict
            Names as `get_params` gives them.

        Returns
        -------
        self
        """
        if "levels" in params:
            self.levels = params.pop("levels")
        named = self._named_levels()
        if any(key.split("__")[0] in named for key in params):
            replaced = {name: params.pop(name, level) for name, level in named.items()}
            self.levels = [*replaced.values()]
        return super().set_params(**params)  # type: ignore[no-any-return]

    def _all_members(self, levels: list[Level]) -> list[tuple[str, Any]]:
        return [
            (f"level_{number}__{name}", estimator)
            for number, level in enumerate(levels, start=1)
            for name, estimator in level.members
        ]

    def _named_levels(self) -> dict[str, Level]:
        """The levels by name, as far as `levels` is a list of them."""
        try:
            levels = levels_in(self.levels)
        except ValueError:
            return {}
        return {f"level_{number}": level for number, level in enumerate(levels, start=1)}
