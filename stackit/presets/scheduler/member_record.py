"""What is known of a member while a stack is trained: its scout, its rounds, its seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stackit.engine.task import TaskResult
from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape

__all__ = ["SAMPLED", "MemberRecord", "seconds_of"]

SAMPLED = -1  # in place of the split of a scout on a sample


@dataclass(eq=False)
class MemberRecord:
    """A member with its scout's facts and its fits so far; `left_out` says why it is in no blend."""

    member: Member
    left_out: str | None = None
    is_late: bool = False  # whether it was left out for want of time
    scout: TaskResult | None = None
    rounds: dict[int, int] = field(default_factory=dict)  # that scouts found, by split
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

    @property
    def n_rounds(self) -> int | None:
        """The mean of what its scouts found: those on whole training parts, where there are any."""
        whole = [rounds for split, rounds in self.rounds.items() if split != SAMPLED]
        found = whole or [*self.rounds.values()]
        return round(sum(found) / len(found)) if found else None

    def keep_scout(self, result: TaskResult, shape: TableShape, rows_ratio: float) -> None:
        """Take the seconds and the predictions of a scout."""
        self.scout = result
        self.fit_seconds = seconds_of(result) * rows_ratio
        self.is_batched = hasattr(self.member.pipeline(shape).steps[-1][1], "fit_folds")

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

    def rounds_of(self, fitted: Any, shape: TableShape) -> int:
        """Return the rounds that a fitted scout calls for on all training rows."""
        assert self.member.rounds is not None
        final = self.member.final(shape, fitted)
        return int(final.get_params()[f"model__{self.member.rounds.parameter}"])


def seconds_of(result: TaskResult) -> float:
    """Return how long a task took: a search of neighbors, for one, takes its time in predictions."""
    return result.seconds + result.predict_seconds
