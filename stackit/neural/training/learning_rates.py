"""Schedules of learning rates, step by step, as plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.validation import invalid_value

__all__ = ["SCHEDULES", "cycle_ends", "flat_cosine", "learning_rates"]

# The three numbers of Smith and Topin, with torch's values.
RISING_SHARE = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4


@dataclass(frozen=True)
class Schedule:
    """The length of a training, and the parameters of its schedule."""

    n_epochs: int
    steps_per_epoch: int
    decay_after: int
    n_cycles: int

    @property
    def n_steps(self) -> int:
        return self.n_epochs * self.steps_per_epoch


def learning_rates(
    name: str,
    init: float,
    n_epochs: int,
    steps_per_epoch: int,
    *,
    decay_after: int | None = None,
    n_cycles: int = 1,
) -> Floats:
    """Return the learning rate of each step of a training.

    With E epochs, T steps in all, epochs e and steps t counted from 0:

    * ``"constant"``: init.
    * ``"linear"``: init before epoch `decay_after`, from there ``init * (E - e) / (E - decay_after)``; the
      rate changes between epochs, and would reach zero after the last one.
    * ``"cosine"``: ``init / 2 * (1 + cos(pi * t / T))``.
    * ``"cyclic"``: `n_cycles` cosines one after the other, each L = ceil(T / n_cycles) steps long,
      ``init / 2 * (1 + cos(pi * (t mod L) / L))``: at the end of each, a snapshot is taken (`cycle_ends`).
    * ``"coslog4"``: four waves, each about twice as long as the one before it: with u = log2(1 + 15 t / T),
      ``init / 2 * (1 - cos(2 pi * u))``. The first step has a rate of 0.
    * ``"one_cycle"``: half a cosine up from init / 25 to init over the first 30 % of the steps, then half a
      cosine down to init / 250 000.

    Parameters
    ----------
    name : {"constant", "coslog4", "cosine", "cyclic", "linear", "one_cycle"}
        The schedule.
    init : float
        The highest rate.
    n_epochs, steps_per_epoch : int
        The length of the training.
    decay_after : int, optional
        Only for "linear": the number of epochs before the rate falls; 0 by default. A training that ends
        earlier has a constant rate.
    n_cycles : int, default=1
        Only for "cyclic".

    Returns
    -------
    (n_epochs * steps_per_epoch,) array
        float64.

    Raises
    ------
    ValueError
        When the name is unknown, a number is out of range, or there are too few steps for the cycles.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR, arXiv:1608.03983 ("cosine"). Huang et al. (2017), Snapshot ensembles,
    arXiv:1704.00109, equation 2 ("cyclic"). Smith and Topin (2017), Super-convergence, arXiv:1708.07120
    ("one_cycle"; the values are those of torch's OneCycleLR). Holzmueller, Grinsztajn and Steinwart (2024),
    Better by default, arXiv:2407.04491, section 3 ("coslog4"). "linear" is the schedule of the
    supervised baseline of ladder networks, arXiv:1507.02672.

    Examples
    --------
    >>> rates = learning_rates("linear", 0.02, 100, 417, decay_after=15)
    >>> rates[::417][[0, 15, 16, 99]].round(6).tolist()
    [0.02, 0.02, 0.019765, 0.000235]
    >>> learning_rates("cyclic", 1.0, 4, 1, n_cycles=2).round(3).tolist()
    [1.0, 0.5, 1.0, 0.5]
    """
    if name not in SHAPES:
        expected = f"one of {', '.join(SCHEDULES)}"
        raise invalid_value("The schedule", expected, f"{name=}", "Pass name='cosine'")
    if not (0 < init < np.inf):
        raise invalid_value("init", "a positive number", f"{init=}", "Pass init=1e-3")
    counts = {"n_epochs": n_epochs, "steps_per_epoch": steps_per_epoch, "n_cycles": n_cycles}
    for parameter, number in counts.items():
        _check_count(parameter, number, least=1)
    _check_count("decay_after", decay_after or 0, least=0)
    return init * SHAPES[name](Schedule(n_epochs, steps_per_epoch, decay_after or 0, n_cycles))


def cycle_ends(n_steps: int, n_cycles: int) -> npt.NDArray[np.intp]:
    """Return the steps after which the cycles of "cyclic" end, and snapshots are taken.

    Cycles are ceil(n_steps / n_cycles) steps long; the last may be shorter.

    Parameters
    ----------
    n_steps, n_cycles : int
        The numbers of steps and of snapshots.

    Returns
    -------
    (n_cycles,) array
        Numbers of steps, ascending; the last is `n_steps`.

    Raises
    ------
    ValueError
        When so many cycles do not fit.

    References
    ----------
    Huang et al. (2017), Snapshot ensembles, arXiv:1704.00109, section 3.

    Examples
    --------
    >>> cycle_ends(22, 4).tolist()
    [6, 12, 18, 22]
    """
    _check_count("n_steps", n_steps, least=1)
    _check_count("n_cycles", n_cycles, least=1)
    length = -(-n_steps // n_cycles)
    ends = np.minimum(np.arange(length, n_steps + length, length, dtype=np.intp), n_steps)
    if len(ends) != n_cycles:
        raise invalid_value(
            "n_cycles",
            f"a number of cycles that fits into {n_steps} steps",
            f"{n_cycles=}",
            f"Pass n_cycles={len(ends)}, or train for more steps",
        )
    return ends


def flat_cosine(n_steps: int) -> Floats:
    """Return 1 for the first half of the steps, then half a cosine that falls to 0 (arXiv 2407.04491)."""
    return _falling(np.maximum(2 * np.arange(n_steps) / n_steps - 1, 0))


def _constant(training: Schedule) -> Floats:
    return np.ones(training.n_steps)


def _linear(training: Schedule) -> Floats:
    epochs, start = np.arange(training.n_epochs), training.decay_after
    share = (training.n_epochs - epochs) / max(training.n_epochs - start, 1)
    return np.repeat(np.where(epochs < start, 1.0, share), training.steps_per_epoch)


def _cosine(training: Schedule) -> Floats:
    return _falling(np.arange(training.n_steps) / training.n_steps)


def _coslog4(training: Schedule) -> Floats:
    return _falling(2 * np.log2(1 + 15 * np.arange(training.n_steps) / training.n_steps) - 1)


def _cyclic(training: Schedule) -> Floats:
    length = cycle_ends(training.n_steps, training.n_cycles)[0]
    return _falling(np.arange(training.n_steps) % length / length)


def _one_cycle(training: Schedule) -> Floats:
    top, last = RISING_SHARE * training.n_steps - 1, training.n_steps - 1
    steps = np.arange(training.n_steps)
    low, end = 1 / START_DIVISOR, 1 / (START_DIVISOR * END_DIVISOR)
    rising = low + (1 - low) * _falling(1 - steps / top) if top > 0 else np.full(len(steps), low)
    falling = end + (1 - end) * _falling((steps - top) / (last - top))
    return np.where(steps <= top, rising, falling)


def _falling(share: npt.NDArray[np.floating]) -> Floats:
    """Return half a cosine, from 1 at share 0 to 0 at share 1."""
    return np.asarray((1 + np.cos(np.pi * share)) / 2)


def _check_count(name: str, number: int, least: int) -> None:
    if number != int(number) or number < least:
        expected, advice = f"a whole number, at least {least}", f"Pass {name}={max(least, 1)}"
        raise invalid_value(name, expected, f"{name}={number!r}", advice)


SHAPES: dict[str, Callable[[Schedule], Floats]] = {
    "constant": _constant,
    "coslog4": _coslog4,
    "cosine": _cosine,
    "cyclic": _cyclic,
    "linear": _linear,
    "one_cycle": _one_cycle,
}
SCHEDULES = tuple(SHAPES)
"""The names of the schedules."""
