"""Files that Kaggle's server refuses are refused with the reason, in its words, and good files pass."""

import gzip
import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from stackit.submission import check_submission, sample_of_test, submission_problems, write_submission

IDS = np.arange(892, 904)
N = len(IDS)


def table(name, values):
    return pd.DataFrame({"PassengerId": IDS, **(values if isinstance(values, dict) else {name: values})})


rng = np.random.default_rng(0)
PROBABILITIES = rng.dirichlet([1, 1, 1], N)
# Sample submissions of all kinds, each with a good submission of other values.
KINDS = {
    "labels": (table("Survived", [0, 1] * 6), table("Survived", rng.integers(0, 2, N))),
    "words": (table("Species", ["cat", "dog"] * 6), table("Species", rng.choice(["cat", "dog"], N))),
    "truth": (table("Transported", [False] * N), table("Transported", rng.random(N) > 0.5)),
    "integers": (table("Count", range(N)), table("Count", rng.integers(0, 99, N))),
    "numbers": (table("SalePrice", np.full(N, 169277.05)), table("SalePrice", rng.normal(1e5, 1e4, N))),
    "probability": (table("Target", np.full(N, 0.5)), table("Target", rng.random(N))),
    "classes": (
        table("", dict.fromkeys(("Class_1", "Class_2", "Class_3"), np.full(N, 1 / 3))),
        table("", {f"Class_{k + 1}": PROBABILITIES[:, k] for k in range(3)}),
    ),
}
NUMERIC = {"integers", "numbers", "probability", "classes"}


def text_of(frame, **options):
    return frame.to_csv(index=False, lineterminator="\n", **options).encode()


def with_cell(frame, value, row=3, column=1):
    changed = frame.astype(object)
    changed.iloc[row, column] = value
    return text_of(changed)


def with_ids(frame, ids):
    return text_of(frame.assign(PassengerId=ids))


def in_zip(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("submission.csv", data)
    return buffer.getvalue()


def again(frame):
    return pd.concat([frame, frame.iloc[:1]])


# What the file must hold to be good, and what it holds when it is refused, with a part of the reason.
GOOD = {
    "plain": text_of,
    "no last line end": lambda frame: text_of(frame).rstrip(),
    "windows": lambda frame: text_of(frame).replace(b"\n", b"\r\n"),
    "quoted": lambda frame: text_of(frame, quoting=1),
    "compressed": lambda frame: gzip.compress(text_of(frame)),
    "zipped": lambda frame: in_zip(text_of(frame)),
}
REFUSED = {
    "a byte-order mark": (lambda f: b"\xef\xbb\xbf" + text_of(f), "a byte-order mark before the first name"),
    "UTF-16": (lambda f: text_of(f).decode().encode("utf-16"), "text in UTF-16 instead of UTF-8"),
    "an index": (lambda f: f.to_csv().encode(), "the first of which is an index: write it with index=False"),
    "an index read again": (
        lambda f: text_of(f.rename_axis("Unnamed: 0").reset_index()),
        "ERROR: Unexpected Column:  'Unnamed: 0' (Line 1, Column 1)",
    ),
    "semicolons": (lambda f: text_of(f, sep=";"), "since its cells are separated by ';' instead of a comma"),
    "tabs": (lambda f: text_of(f, sep="\t"), r"since its cells are separated by '\t' instead of a comma"),
    "no names": (
        lambda f: text_of(f, header=False),
        "ERROR: Unexpected Column:  '892' (Line 1, Column 1)",
    ),
    "an id of another name": (
        lambda f: text_of(f.rename(columns={"PassengerId": "NotAnId"})),
        "ERROR: Unexpected Column:  'NotAnId' (Line 1, Column 1); ERROR: Required column 'PassengerId' could",
    ),
    "a column of another name": (
        lambda f: text_of(f.set_axis([*f.columns[:-1], "Guess"], axis=1)),
        "ERROR: Unexpected Column:  'Guess' (Line 1, Column ",
    ),
    "a column too many": (
        lambda f: text_of(f.assign(Age=1)),
        "ERROR: Unexpected Column:  'Age' (Line 1, Col",
    ),
    "ids alone": (lambda f: text_of(f[["PassengerId"]]), "ERROR: Required column "),
    "columns in another order": (lambda f: text_of(f.iloc[:, ::-1]), " instead of ['PassengerId', "),
    "a row too few": (lambda f: text_of(f.iloc[:-1]), "Evaluation Exception: Submission must have 12 rows"),
    "a row twice": (lambda f: text_of(again(f)), "1 repeated id (892). Kaggle refuses it with: Evaluation"),
    "names twice": (lambda f: text_of(f.columns.to_frame().T) + text_of(f), "1 unknown id (PassengerId)"),
    "the training ids": (
        lambda f: with_ids(f, IDS - 891),
        "12 missing ids (892, 893, 894, 895, 896, and 7 more); 12 unknown ids (1, 2, 3, 4, 5, and 7 more). "
        "Kaggle refuses it with: ERROR: Unable to find 12 required key values in the 'PassengerId' column; "
        "ERROR: Unable to find the required key value '892' in the 'PassengerId' column",
    ),
    "ids with gaps": (lambda f: with_cell(f, None, column=0), "1 missing id (895); 1 unknown id ('')"),
    "an id instead of another": (lambda f: with_cell(f, 892, column=0), "1 missing id (895); 1 repeated id"),
    "float ids": (lambda f: with_ids(f, IDS.astype(float)), "12 ids with a decimal point (892.0 for 892, "),
    "separated ids": (
        lambda f: with_ids(f, [f"{one},000" for one in IDS]),
        "12 missing ids (892, ",
    ),
    "ids with blanks": (
        lambda f: with_ids(f, [f" {one}" for one in IDS]),
        "12 ids with blanks around them (",
    ),
    "ids in another order": (lambda f: text_of(f.iloc[::-1]), "ids in another order from row 0 on (903, "),
    "an empty last line": (lambda f: text_of(f) + b"\n", "1 blank line (14)"),
    "an empty line": (lambda f: text_of(f).replace(b"\n894", b"\n\n894"), "1 blank line (4)"),
    "a line that is cut off": (lambda f: text_of(f) + b"904", "1 unknown id (904)"),
    "a long line": (
        lambda f: text_of(f).replace(b"\n894,", b"\n894,0,0,0,0,0,"),
        "has rows with more cells than",
    ),
    "an empty file": (lambda f: b"", "is empty"),
    "names alone": (lambda f: text_of(f.iloc[:0]), "Evaluation Exception: Submission must have 12 rows"),
    "a web page": (lambda f: b"<!DOCTYPE html><html>Sign in</html>", "is a web page, not a table"),
    "a gap": (lambda f: with_cell(f, None), " missing in 1 row (id 895: '')"),
    "a written gap": (lambda f: with_cell(f, "NaN"), " missing in 1 row (id 895: NaN)"),
}
# What is refused for some kinds alone.
REFUSED_NUMBERS = {
    "infinity": ("inf", " infinite in 1 row (id 895: inf)"),
    "minus infinity": ("-inf", " infinite in 1 row (id 895: -inf)"),
    "thousands": ("1,234", " with a comma between thousands in 1 row (id 895: 1,234)"),
    "a decimal comma": ("0,5", " not a number in 1 row (id 895: 0,5)"),
    "a word": ("unknown", " not a number in 1 row (id 895: unknown)"),
    "a currency": ("$5", " not a number in 1 row (id 895: $5)"),
}
REFUSED_OF_KIND = {
    ("labels", "a label never seen"): (2, "Survived not one of 0, 1 in 1 row (id 895: 2)"),
    ("labels", "a probability"): (0.73, "Survived not one of 0, 1 in 1 row (id 895: 0.73)"),
    ("labels", "a float label"): ("1.0", "Survived not one of 0, 1 in 1 row (id 895: 1.0)"),
    ("labels", "a word"): ("yes", "Survived not one of 0, 1 in 1 row (id 895: yes)"),
    ("words", "a word never seen"): ("bird", "Species not one of cat, dog in 1 row (id 895: bird)"),
    ("words", "other letters"): ("Cat", "Species not one of cat, dog in 1 row (id 895: Cat)"),
    ("words", "a code"): (1, "Species not one of cat, dog in 1 row (id 895: 1)"),
    ("words", "control characters"): ("\x1b[31mcat", r"not one of cat, dog in 1 row (id 895: '\x1b[31mcat')"),
    ("truth", "a number"): (1, "Transported not one of False, True in 1 row (id 895: 1)"),
    ("truth", "other letters"): ("true", "Transported not one of False, True in 1 row (id 895: true)"),
    ("integers", "a part"): (1.5, "Count not a whole number in 1 row (id 895: 1.5)"),
    ("probability", "more than one"): (1.2, "Target outside [0, 1] in 1 row (id 895: 1.2)"),
    ("probability", "less than nothing"): (-0.2, "Target outside [0, 1] in 1 row (id 895: -0.2)"),
    ("probability", "percent"): ("73%", "Target not a number in 1 row (id 895: 73%)"),
    ("classes", "more than one"): (1.2, "Class_1 outside [0, 1] in 1 row (id 895: 1.2)"),
    ("classes", "a sum of less"): (0.0, "the sum of Class_1, Class_2, Class_3 not 1 in 1 row (id 895: "),
}
CORPUS = [
    *((kind, f"good: {name}", make, None) for kind in KINDS for name, make in GOOD.items()),
    *((kind, name, make, text) for kind in KINDS for name, (make, text) in REFUSED.items()),
    *(
        (kind, name, lambda f, value=value: with_cell(f, value), text)
        for kind in sorted(NUMERIC)
        for name, (value, text) in REFUSED_NUMBERS.items()
    ),
    *(
        (kind, name, lambda f, value=value: with_cell(f, value), text)
        for (kind, name), (value, text) in REFUSED_OF_KIND.items()
    ),
]


def test_the_corpus_has_two_hundred_files_at_least():
    assert len(CORPUS) >= 200
    assert len({(kind, name) for kind, name, _, _ in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize(
    ("kind", "name", "make", "reason"), CORPUS, ids=[f"{k}-{n}" for k, n, _, _ in CORPUS]
)
def test_a_file_that_would_be_refused_is_refused_with_the_reason(tmp_path, kind, name, make, reason):
    sample, good = KINDS[kind]
    path = tmp_path / "submission.csv"
    path.write_bytes(make(good))
    if reason is None:
        check_submission(path, sample)
        assert submission_problems(path, sample) == []
        return
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        check_submission(path, sample)
    assert str(caught.value).isprintable()


# Without a sample submission


OF_TEST = {
    "labels": {},
    "words": {},
    "truth": {},
    "numbers": {},
    "probability": {"kind": "probabilities"},
    "classes": {"kind": "probabilities"},
}


def expected_of(kind):
    """Return what a submission must have, by the test ids and a target."""
    target = KINDS[kind][1].iloc[:, 1]
    if kind == "probability":
        target = pd.Series([0, 1] * 30, name="Target")
    if kind == "classes":
        target = pd.Series(["Class_1", "Class_2", "Class_3"] * 20)
    return sample_of_test(pd.Series(IDS, name="PassengerId"), target, **OF_TEST[kind])


@pytest.mark.parametrize("kind", OF_TEST)
def test_files_are_checked_by_the_test_ids_and_the_target_too(tmp_path, kind):
    expected, good = expected_of(kind), KINDS[kind][1]
    path = tmp_path / "submission.csv"
    for make in GOOD.values():
        path.write_bytes(make(good))
        check_submission(path, expected)
    for make, reason in REFUSED.values():
        path.write_bytes(make(good))
        with pytest.raises(ValueError, match=re.escape(reason)):
            check_submission(path, expected)
    for (of, _), (value, reason) in REFUSED_OF_KIND.items():
        path.write_bytes(with_cell(good, value))
        if of == kind:
            with pytest.raises(ValueError, match=re.escape(reason)):
                check_submission(path, expected)


def test_a_submission_is_written_without_a_sample(tmp_path):
    expected = sample_of_test(["b", "a"], pd.Series([0, 1, 0, 1], name="Survived"), id="key")
    path = write_submission(tmp_path / "s.csv", ["a", "b"], [1.0, 0.0], sample=expected)
    assert path.read_text() == "key,Survived\nb,0\na,1\n"
    with pytest.raises(ValueError, match="must be valid like the test table; got Survived not one of 0, 1"):
        write_submission(path, ["a", "b"], [0.4, 0.6], sample=expected)


def test_ids_of_the_test_table_must_be_there_once():
    for ids, text in (([1, 1], "1 repeated"), ([1, None], "1 missing")):
        with pytest.raises(ValueError, match=text):
            sample_of_test(ids, [0, 1, 0, 1])


# Kaggle's words


def test_the_place_of_a_cell_is_its_line_and_its_first_character(tmp_path):
    """As quoted by users: an empty cell of line 140 behind an id of three digits is at column 5."""
    path = tmp_path / "s.csv"
    sample = pd.DataFrame({"ForecastId": range(100, 300), "ConfirmedCases": 0.5, "Fatalities": 0.5})
    for quoting in (0, 1):
        changed = sample.astype(object)
        changed.iloc[138, 1] = None
        path.write_bytes(text_of(changed, quoting=quoting))
        problems = submission_problems(path, sample, kind="numbers")
        place = f"(Line 140, Column {5 if quoting == 0 else 7})"
        assert [problem.kaggle for problem in problems] == [
            (f"ERROR: Could not parse '' into expected type of Double {place}",)
        ]


def test_the_words_are_those_that_users_of_kaggle_have_quoted(tmp_path):
    """The two submissions to Titanic of pull request 1195 of Kaggle/kaggle-cli."""
    sample = pd.DataFrame({"PassengerId": range(892, 1310), "Survived": [0, 1] * 209})
    path = tmp_path / "bad.csv"
    path.write_text("NotAnId,NotAPrediction\n1,2\n3,4\n")
    words = [word for problem in submission_problems(path, sample) for word in problem.kaggle]
    assert words[:4] == [
        "ERROR: Unexpected Column:  'NotAnId' (Line 1, Column 1)",
        "ERROR: Unexpected Column:  'NotAPrediction' (Line 1, Column 9)",
        "ERROR: Required column 'PassengerId' could not be found",
        "ERROR: Required column 'Survived' could not be found",
    ]
    path.write_text("PassengerId,Survived\n892,0\n893,1\n")
    words = [word for problem in submission_problems(path, sample) for word in problem.kaggle]
    assert words == ["Evaluation Exception: Submission must have 418 rows"]
