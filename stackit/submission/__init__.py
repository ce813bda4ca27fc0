"""Write a submission, check it as Kaggle's server does, and upload it."""

from stackit.submission.checks import check_submission, submission_problems
from stackit.submission.kaggle_command import UploadError
from stackit.submission.problem import SubmissionProblem
from stackit.submission.sample import Sample, SampleColumn, SubmissionKind
from stackit.submission.sample_of_test import sample_of_test
from stackit.submission.upload import Upload, upload_submission
from stackit.submission.write import write_submission

__all__ = [
    "Sample",
    "SampleColumn",
    "SubmissionKind",
    "SubmissionProblem",
    "Upload",
    "UploadError",
    "check_submission",
    "sample_of_test",
    "submission_problems",
    "upload_submission",
    "write_submission",
]
