"""What was set as a goal, and what came out: each a ratio in one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]
A, B, C = "a Titanic, 8 estimators", "b Otto, 5 estimators", "c flowers' codes, 7 estimators"
CLOSED, TEN = "c closed forms, flowers' codes, K=5", "c closed forms, flowers' codes, K=10"
LDA, KNN, BAYES = "c lda, flowers' codes, K=5", "c knn, flowers' codes, K=5", "c bayes, Otto, K=5"
LDA_WIDE = "c lda, 1500 flowers' codes of two networks (d > n), K=5"
LDA_SQUARE = "c lda, 2936 flowers' codes of two networks (d near n), K=5"
KNN_TWINS = "c knn, flowers' codes with twins, K=5"
TALL, TALL_5 = "c ridge, Otto, K=10", "c ridge, Otto, K=5"
WIDE = "c ridge, flowers' codes of two networks (d > n), K=10"
WIDE_5 = "c ridge, flowers' codes of two networks (d > n), K=5"
SMALL, LARGE = "d no-ops, 891×10", "d no-ops, 60000×93"


@dataclass(frozen=True)
class Goal:
    """A figure to reach: at least, or at most, so much."""

    text: str
    limit: float
    figure: Callable[[Results], float]
    least: bool = True
    unit: str = ""

    def line(self, results: Results) -> str | None:
        """Return a line of the table of goals, or None where nothing was measured."""
        try:
            figure = self.figure(results)
        except KeyError:
            return None
        reached = figure >= self.limit if self.least else figure <= self.limit
        bound = "at least" if self.least else "at most"
        verdict = "yes" if reached else "**no**"
        return f"| {self.text} | {bound} {self.limit:g}{self.unit} | {figure:.2f}{self.unit} | {verdict} |"


def times(bench: str, workers: int, than: str, theirs: int | None = None, what: str = "wall") -> Any:
    """How many times more of something a contender takes than stackit."""

    def figure(results: Results) -> float:
        other = results[bench]["figures"][str(theirs or workers)][than][what]
        return float(other / results[bench]["figures"][str(workers)]["stackit"][what])

    return figure


def part(bench: str, workers: int, of: str) -> Any:
    """The share of a contender's peak of memory that stackit takes."""
    ratio = times(bench, workers, of, what="peak")
    return lambda results: 1 / ratio(results)


def flat(five: str, ten: str) -> Any:
    """How much longer ten folds take than five."""

    def figure(results: Results) -> float:
        wall = [results[bench]["figures"]["1"]["stackit"]["wall"] for bench in (five, ten)]
        return float(wall[1] / wall[0])

    return figure


def own(bench: str, scale: float) -> Any:
    """What stackit takes on one worker."""
    return lambda results: scale * float(results[bench]["figures"]["1"]["stackit"]["wall"])


def least_times(bench: str) -> Any:
    """How many times more wall time the fastest peer takes on one worker."""

    def figure(results: Results) -> float:
        figures = results[bench]["figures"]["1"]
        return float(min(times(bench, 1, name)(results) for name in figures if name != "stackit"))

    return figure


GOALS = [
    Goal("(a) 1 worker: times faster than scikit-learn", 1.12, times(A, 1, "scikit-learn")),
    Goal("(a) 1 worker: times faster than mlxtend", 1.12, times(A, 1, "mlxtend")),
    Goal("(a) 2 workers: times faster than scikit-learn's 2", 2.5, times(A, 2, "scikit-learn")),
    Goal("(a) 2 workers: times faster than scikit-learn's 1", 1.9, times(A, 2, "scikit-learn", 1)),
    Goal("(b) 2 workers: times faster than scikit-learn", 1.15, times(B, 2, "scikit-learn")),
    Goal("(b) 2 workers: times faster than mlxtend", 1.25, times(B, 2, "mlxtend")),
    Goal("(b) 1 worker: peak memory, of scikit-learn's", 0.65, part(B, 1, "scikit-learn"), least=False),
    Goal("(b) 2 workers: peak memory, of scikit-learn's", 0.45, part(B, 2, "scikit-learn"), least=False),
    Goal("(c) 1 worker: times faster than scikit-learn", 1.9, times(C, 1, "scikit-learn")),
    Goal("(c) 2 workers: times faster than scikit-learn", 2.3, times(C, 2, "scikit-learn")),
    Goal("(c) closed forms alone: times faster than by hand", 3.2, times(CLOSED, 1, "hand")),
    Goal("(c) LDA in float64, n > d, K=5: times faster than by hand", 10, times(LDA, 1, "hand")),
    Goal("(c) LDA in float64, d > n, K=5: times faster than by hand", 10, times(LDA_WIDE, 1, "hand")),
    # Where the folds are fitted one by one, trying to do it at once must not cost more than 5 %.
    Goal("(c) LDA in float64, d near n, K=5: times faster than by hand", 0.95, times(LDA_SQUARE, 1, "hand")),
    Goal("(c) RidgeClassifier, n > d, K=10: times faster than by hand", 8, times(TALL, 1, "hand")),
    Goal("(c) RidgeClassifier, d > n, K=10: times faster than by hand", 5, times(WIDE, 1, "hand")),
    Goal(
        "(c) neighbours' test predictions: times faster than by hand",
        3.5,
        times(KNN, 1, "hand", what="test_seconds"),
    ),
    Goal(
        "(c) the same where photographs are twins: times faster than by hand",
        0.95,
        times(KNN_TWINS, 1, "hand", what="test_seconds"),
    ),
    Goal("(c) closed forms: K=10 of K=5", 1.2, flat(CLOSED, TEN), least=False),
    Goal("(c) RidgeClassifier, n > d: K=10 of K=5", 1.2, flat(TALL_5, TALL), least=False),
    Goal("(c) RidgeClassifier, d > n: K=10 of K=5", 1.2, flat(WIDE_5, WIDE), least=False),
    Goal("(d) a task at 891×10, one worker", 40, own(SMALL, 1e6 / 40), least=False, unit=" µs"),
    Goal("(d) 40 tasks at 60000×93, one worker", 70, own(LARGE, 1e3), least=False, unit=" ms"),
    Goal("(d) 60000×93: times faster than the fastest peer, or by hand", 6, least_times(LARGE)),
    Goal("(d) 60000×93: times faster than scikit-learn", 6, times(LARGE, 1, "scikit-learn")),
]


def table(results: Results) -> list[str]:
    """Return the goals that were measured as lines of a table."""
    lines = [goal.line(results) for goal in GOALS]
    return ["| goal | set | reached | |", "|---|---|---|---|", *(line for line in lines if line)]
