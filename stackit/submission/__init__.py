"""Write a submission, and check it against the sample submission."""

from stackit.submission.checks import check_submission
from stackit.submission.sample import SubmissionKind
from stackit.submission.write import write_submission

__all__ = ["SubmissionKind", "check_submission", "write_submission"]
