"""Base estimators by name: their parameters are parameters of what holds them."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils import Bunch

from stackit.estimators.copies import CopiedEnsemble
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.traits import classifiers_among
from stackit.validation import invalid_value

__all__ = ["NamedMembers"]


class NamedMembers(CopiedEnsemble):
    """An object whose `estimators` are a list of (name, estimator) pairs; 'drop' leaves one out."""

    estimators: NamedEstimators

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, also the base estimators by name and theirs.

        Parameters
        ----------
        deep : bool
            Whether to look into the estimators.

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        for name, estimator in self._named() if deep else ():
            params[name] = estimator
            if hasattr(estimator, "get_params"):
                params.update({f"{name}__{key}": value for key, value in estimator.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, such as ``cv=5``, a base estimator by name, or ``lr__C=0.1``.

        Parameters
        ----------
        **params : dict
            Names as `get_params` gives them.

        Returns
        -------
        self
        """
        if "estimators" in params:
            self.estimators = params.pop("estimators")
        named = dict(self._named())
        replaced = {name: params.pop(name) for name in list(params) if name in named}
        if replaced:
            self.estimators = [(name, replaced.get(name, old)) for name, old in self._named()]
        return super().set_params(**params)  # type: ignore[no-any-return]

    @property
    def named_estimators(self) -> Bunch:
        """The base estimators by name, not fitted."""
        return Bunch(**dict(self.estimators))

    def _named(self) -> list[tuple[str, Any]]:
        """The (name, estimator) pairs, as far as `estimators` is a list of them."""
        pairs = self.estimators if isinstance(self.estimators, list | tuple) else []
        return [(pair[0], pair[1]) for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2]

    def _undropped(self) -> Any:
        """What was given as `estimators`, without those that are 'drop'."""
        if not isinstance(self.estimators, list | tuple) or not self.estimators:
            return self.estimators
        pairs = self.estimators
        kept = [pair for pair in pairs if not (isinstance(pair, list | tuple) and _dropped(pair[-1]))]
        if not kept:
            raise invalid_value(
                "estimators", "at least one that is not 'drop'", "all dropped", "Keep at least one estimator"
            )
        return kept

    def _kept(self) -> list[tuple[str, Any]]:
        """The base estimators without the dropped ones."""
        return [(name, estimator) for name, estimator in self._named() if not _dropped(estimator)]

    def _check_kinds(self, classify: bool) -> None:
        """A regressor's base estimators predict numbers; a classifier's may do either."""
        wrong = [] if classify else classifiers_among(self._kept(), skip_unknown=True)
        if wrong:
            raise invalid_value(
                "Base estimators of a regressor",
                "regressors",
                f"classifiers {wrong}",
                "Use a stacking classifier",
            )


def _dropped(estimator: Any) -> bool:
    return isinstance(estimator, str) and estimator == "drop"
