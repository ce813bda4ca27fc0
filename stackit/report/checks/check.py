"""A numbered check: what it looks for, and the result of looking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from stackit.report.checks.facts import Facts
from stackit.report.evidence import Evidence

__all__ = ["Check", "CheckResult", "Finding", "NotApplicableError", "Severity", "Status"]

Severity = Literal["issue", "tip"]
Status = Literal["issue", "tip", "passed", "not applicable", "ignored"]
PAGE = "docs/guide/checks.md"


class NotApplicableError(Exception):
    """Ends a check that has nothing to look at; its text is the reason, a whole sentence."""


@dataclass(frozen=True)
class Finding:
    """What a check found: whether something is wrong, and one sentence with the numbers."""

    is_wrong: bool
    sentence: str


@dataclass(frozen=True)
class CheckResult:
    """The result of a numbered check.

    Attributes
    ----------
    code : str
        The code of the check, such as "STK001".
    title : str
        What the check looks for.
    severity : {"issue", "tip"}
        How serious it is where something is found: an issue makes scores or predictions wrong, a tip makes
        them better, or the run cheaper.
    status : {"issue", "tip", "passed", "not applicable", "ignored"}
        The outcome.
    sentence : str
        The evidence with its numbers, or the reason why the check is not applicable. It may hold names and
        values from the data, which are not escaped.
    remedy : str
        What to do where something is found.
    docs_url : str
        Where the check is described.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import out_of_fold
    >>> from stackit.report.checks import run_checks
    >>> from stackit.report.evidence import Evidence
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> oof = out_of_fold([("bayes", GaussianNB())], X, y, cv=5, n_jobs=1)
    >>> result = run_checks(Evidence.from_out_of_fold(oof, X))[6]
    >>> result.code, result.status, result.sentence
    ('STK007', 'not applicable', 'No groups are known.')
    """

    code: str
    title: str
    severity: Severity
    status: Status
    sentence: str
    remedy: str
    docs_url: str

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain strings, ready for JSON."""
        return asdict(self)


class Check(ABC):
    """A numbered check; subclasses say what they look for, and look.

    Attributes
    ----------
    code : str
        "STK" and three digits. A code is never used again for another check.
    title : str
        What is wrong where the check finds something, in a few words.
    severity : {"issue", "tip"}
        How serious that is.
    remedy : str
        What to do.

    Examples
    --------
    >>> from stackit.report.checks import CHECKS
    >>> CHECKS[0].code, CHECKS[0].title, CHECKS[0].severity
    ('STK001', 'A member leaks', 'issue')
    """

    code: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    remedy: ClassVar[str]

    @property
    def docs_url(self) -> str:
        """Where the check is described, in the documentation."""
        return f"{PAGE}#{self.code.lower()}"

    @abstractmethod
    def examine(self, facts: Facts) -> Finding:
        """Look at the facts; raise NotApplicableError with the reason where there is nothing to look at."""

    def run(self, evidence: Evidence | Facts) -> CheckResult:
        """Return the result of the check.

        Parameters
        ----------
        evidence : Evidence
            What is checked; or its facts, which several checks share.

        Returns
        -------
        CheckResult
        """
        facts = evidence if isinstance(evidence, Facts) else Facts(evidence)
        try:
            finding = self.examine(facts)
        except NotApplicableError as reason:
            return self.result("not applicable", str(reason))
        return self.result(self.severity if finding.is_wrong else "passed", finding.sentence)

    def result(self, status: Status, sentence: str) -> CheckResult:
        """Return a result of this check."""
        return CheckResult(self.code, self.title, self.severity, status, sentence, self.remedy, self.docs_url)
