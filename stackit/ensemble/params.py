"""Parameters of the estimators and levels inside an ensemble, addressed by their names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from sklearn.utils import Bunch

from stackit.estimators.copies import CopiedEnsemble
from stackit.estimators.estimator_type import classifiers_among
from stackit.estimators.named_estimators import NamedEstimators, check_estimators

__all__ = ["NamedMembers", "NestedParams"]


class NestedParams(CopiedEnsemble):
    """An object with named parts (estimators or levels) that are parameters of it too."""

    _parts_param: ClassVar[str]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, also those of the parts, such as ``forest__max_depth``.

        Parameters
        ----------
        deep : bool
            Whether to include the parts and their parameters.

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        for name, part in self._named_parts().items() if deep else ():
            params[name] = part
            if hasattr(part, "get_params"):
                params.update({f"{name}__{key}": value for key, value in part.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, such as ``cv=5``, ``lr__C=0.1`` or ``level_2__nested=True``.

        Parameters
        ----------
        **params : dict
            Names as `get_params` returns them.

        Returns
        -------
        self
        """
        if self._parts_param in params:
            setattr(self, self._parts_param, params.pop(self._parts_param))
        parts = self._named_parts()
        if any(key.split("__")[0] in parts for key in params):
            replaced = {name: params.pop(name) for name in parts if name in params}
            setattr(self, self._parts_param, self._replace_parts(replaced))
        return super().set_params(**params)  # type: ignore[no-any-return]

    @abstractmethod
    def _named_parts(self) -> dict[str, Any]:
        """Return the parts by name; nothing where their parameter is malformed."""

    @abstractmethod
    def _replace_parts(self, replaced: Mapping[str, Any]) -> list[Any]:
        """Return the value of the parameter that holds the parts, with some of them replaced."""


class NamedMembers(NestedParams):
    """An object with (name, estimator) pairs as `estimators`; 'drop' leaves one out."""

    _parts_param = "estimators"

    estimators: NamedEstimators

    @property
    def named_estimators(self) -> Bunch:
        """The base estimators by name, not fitted."""
        return Bunch(**dict(self.estimators))

    def _named_parts(self) -> dict[str, Any]:
        return dict(self._pairs())

    def _replace_parts(self, replaced: Mapping[str, Any]) -> list[Any]:
        return [(name, replaced.get(name, old)) for name, old in self._pairs()]

    def _pairs(self) -> list[tuple[str, Any]]:
        """The well-formed (name, estimator) pairs, with those that are 'drop'."""
        pairs = self.estimators if isinstance(self.estimators, list | tuple) else []
        return [(pair[0], pair[1]) for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2]

    def _members(self) -> list[tuple[str, Any]]:
        """The (name, estimator) pairs without those that are 'drop'."""
        return [(name, estimator) for name, estimator in self._pairs() if not _is_dropped(estimator)]

    def _check_members(self, reserved: Iterable[str], classify: bool) -> None:
        """Raise unless `estimators` are usable pairs, and regressors where numbers are predicted."""
        pairs = self.estimators
        if isinstance(pairs, list | tuple) and pairs:
            pairs = [pair for pair in pairs if not (isinstance(pair, list | tuple) and _is_dropped(pair[-1]))]
            if not pairs:
                raise ValueError("All estimators are 'drop'. Keep at least one estimator.")
        check_estimators(pairs, reserved=reserved)
        wrong = [] if classify else classifiers_among(self._members(), skip_unknown=True)
        if wrong:
            raise ValueError(
                f"Base estimators of a regressor must be regressors; {wrong} are classifiers. Use a stacking "
                "classifier."
            )


def _is_dropped(estimator: Any) -> bool:
    return isinstance(estimator, str) and estimator == "drop"
