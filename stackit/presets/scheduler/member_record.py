"""What is known of a member while a stack is trained: its scout, its rounds, its seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stackit.engine.task import TaskResult
from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape

__all__ = ["MemberRecord", "seconds_of"]


@dataclass(eq=False)
class MemberRecord:
    """A member with its scout's facts and its fits so far; `left_out` says why it is in no blend."""

    member: Member
    left_out: str | None = None
    is_late: bool = False  # whether it was left out for want of time
    scout: TaskResult | None = None
    n_rounds: int | None = None
    fit_seconds: float = 0.0  # what one fit on all training rows of a fold is expected to take
    seconds: list[float] = field(default_factory=list)
    n_done: int = 0  # folds of the first repeat, without the scout
    is_batched: bool = False  # whether all folds are fitted together, as one task

    @property
    def name(self) -> str:
        """The member's name."""
        return self.member.name

    @property
    def is_known(self) -> bool:
        """Whether its scout is back."""
        return self.scout is not None and self.left_out is None

    def keep_scout(self, result: TaskResult, shape: TableShape, rows_ratio: float, known: int | None) -> None:
        """Take the facts of a scout; `known` is the number of rounds where the scout came from a store."""
        self.scout = result
        self.fit_seconds = seconds_of(result) * rows_ratio
        self.is_batched = hasattr(self.member.pipeline(shape).steps[-1][1], "fit_folds")
        rounds = self.member.rounds
        if rounds is not None:
            self.n_rounds = known if result.estimator is None else self._rounds_of(result.estimator, shape)

    def keep_rounds(self, result: TaskResult, shape: TableShape) -> None:
        """Take the rounds of a scout on all training rows, unless it came from a store."""
        if result.estimator is not None:
            self.n_rounds = self._rounds_of(result.estimator, shape)

    def expect_as_measured(self) -> None:
        """Expect fits to take as long as those so far."""
        if self.seconds:
            self.fit_seconds = sum(self.seconds) / len(self.seconds)

    def fail(self, error: Exception) -> None:
        """Leave the member out because of an error."""
        self.is_late = isinstance(error, TimeoutError)
        text = str(error).splitlines()[0] if str(error) else "without a message"
        late = "a fit took longer than there is time for on all folds"
        self.left_out = late if self.is_late else f"{type(error).__name__}: {text}"

    def final(self, shape: TableShape) -> Any:
        """Return the pipeline that is fitted on all training rows of a fold."""
        made = self.member.pipeline(shape)
        if self.member.rounds is not None:
            made.set_params(**{f"model__{self.member.rounds.parameter}": self.n_rounds})
        return made

    def _rounds_of(self, fitted: Any, shape: TableShape) -> int:
        assert self.member.rounds is not None
        final = self.member.final(shape, fitted)
        return int(final.get_params()[f"model__{self.member.rounds.parameter}"])


def seconds_of(result: TaskResult) -> float:
    """Return how long a task took: a search of neighbors, for one, takes its time in predictions."""
    return result.seconds + result.predict_seconds
