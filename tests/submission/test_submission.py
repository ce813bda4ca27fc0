"""Submissions: valid files are written whole, invalid ones never, and every fault is named."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from competitions.data import find
from stackit import StackingClassifier
from stackit.submission import check_submission, write_submission

TITANIC = pd.DataFrame({"PassengerId": range(892, 902), "Survived": [0, 1] * 5})
OTTO = pd.DataFrame({"id": [3, 1, 2], **{f"Class_{number}": [1 / 3] * 3 for number in (1, 2, 10)}})
PRICES = pd.DataFrame({"Id": [1461, 1462], "SalePrice": [169277.05, 187758.39]})
SPECIES = pd.DataFrame({"id": list("abcd"), "species": ["setosa", "virginica"] * 2})
PLACEHOLDER = pd.DataFrame({"ImageId": [1, 2, 3], "Label": [0, 0, 0]})


def data(folder, *files):
    """Return the folder of a competition's files, or skip, saying which are missing."""
    try:
        return find(folder, list(files), "its Kaggle page")
    except FileNotFoundError as error:
        pytest.skip(str(error))


def changed(sample, row, column, value):
    table = sample.astype(object)
    table.loc[row, column] = value
    return table


texts = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f\x85"), min_size=1
)


# What is written


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(ids=st.lists(texts, min_size=1, max_size=8, unique=True), seed=st.integers(0, 9))
def test_predictions_stay_with_their_ids_in_whatever_order_they_come(tmp_path, ids, seed):
    sample = pd.DataFrame({"id": ids, "value": np.linspace(2.5, 3, len(ids))})
    value_of = {name: float(number) for number, name in enumerate(ids)}
    shuffled = np.random.default_rng(seed).permutation(np.array(ids, dtype=object))
    path = write_submission(
        tmp_path / "s.csv", shuffled, [value_of[name] for name in shuffled], sample=sample
    )
    written = pd.read_csv(path, dtype={"id": str}, keep_default_na=False)
    assert written["id"].tolist() == ids
    assert written["value"].tolist() == list(value_of.values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_numbers_are_written_to_the_last_bit_and_the_file_passes_its_own_check(tmp_path, values):
    path = write_submission(tmp_path / "s.csv", [1461, 1462], values, sample=PRICES)
    check_submission(path, PRICES)
    assert pd.read_csv(path, dtype=str)["SalePrice"].map(float).tolist() == values


@pytest.mark.parametrize(
    "predictions",
    [
        np.arange(10.0) % 2,
        np.arange(10) % 2 == 1,
        (np.arange(10) % 2).astype(np.int8),
        pd.Series(["0", "1"] * 5, index=range(5, 15)),
        pd.DataFrame({"anything": [0.0, 1.0] * 5}),
        [[0], [1]] * 5,
        np.array([0.0, True] * 5, dtype=object),
    ],
    ids=lambda predictions: type(predictions).__name__,
)
def test_integers_of_any_container_and_type_are_written_as_integers(tmp_path, predictions):
    path = write_submission(tmp_path / "s.csv", TITANIC["PassengerId"], predictions, sample=TITANIC)
    assert path.read_bytes() == TITANIC.to_csv(index=False, lineterminator="\n").encode()


@pytest.mark.parametrize("prefix", ["", "stack__"])
def test_columns_of_a_frame_are_matched_by_name(tmp_path, prefix):
    probabilities = pd.DataFrame(
        {
            f"{prefix}Class_1": [0.7, 0.1, 0.2],
            f"{prefix}Class_10": [0.2] * 3,
            f"{prefix}Class_2": [0.1, 0.7, 0.6],
        }
    )
    path = write_submission(tmp_path / "s.csv", OTTO["id"], probabilities, sample=OTTO)
    written = pd.read_csv(path)
    assert written.columns.tolist() == ["id", "Class_1", "Class_2", "Class_10"]
    assert written["Class_10"].tolist() == [0.2] * 3
    assert written["Class_2"].tolist() == [0.1, 0.7, 0.6]


def test_a_column_with_a_name_of_the_sample_keeps_it(tmp_path):
    sample = pd.DataFrame({"id": [1, 2], "dog": [1.5, 1.5], "big__dog": [2.5, 2.5]})
    path = write_submission(tmp_path / "s.csv", [1, 2], sample[["big__dog", "dog"]], sample=sample)
    pd.testing.assert_frame_equal(pd.read_csv(path), sample)


def test_columns_of_an_array_are_matched_by_the_classes_that_are_passed(tmp_path):
    table = np.array([[0.5, 0.3, 0.2]] * 3)
    path = tmp_path / "s.csv"
    with pytest.raises(
        ValueError, match=r"with matching names; got 3 columns without names\. Pass a data frame"
    ):
        write_submission(path, OTTO["id"], table, sample=OTTO)
    written = pd.read_csv(write_submission(path, OTTO["id"], table, sample=OTTO, classes=[1, 10, 2]))
    assert written.iloc[0].tolist() == [3, 0.5, 0.2, 0.3]


NUMBERED = pd.DataFrame({"id": ["a", "b"], **{str(label): [1 / 4] * 2 for label in (1, 10, 11, 2)}})


def written(tmp_path, ids, predictions, sample, **options):
    return pd.read_csv(write_submission(tmp_path / "s.csv", ids, predictions, sample=sample, **options))


@pytest.mark.parametrize("prefix", ["", "Class_", "p(", "x__"])
@pytest.mark.parametrize(
    "labels",
    [
        [1.0, 2.0, 10.0, 11.0],
        [1, 2, 10, 11],
        ["1", "2", "10", "11"],
        ["1.0", "2.0", "10.0", "11.0"],
        np.array([11.0, 10.0, 2.0, 1.0]),
        np.array([2, 1, 11, 10], dtype=np.int8),
        ["stack__2", "stack__1", "stack__11", "stack__10"],
        ["stack__2.0", "stack__1.0", "stack__11.0", "stack__10.0"],
        ["prob_2_of", "prob_1_of", "prob_11_of", "prob_10_of"],
    ],
    ids=str,
)
def test_classes_are_found_in_whatever_form_they_are_written(tmp_path, labels, prefix):
    """The columns of the sample are in the order of texts, and the classes in that of numbers."""
    suffix = ")" if prefix == "p(" else ""
    sample = NUMBERED.rename(columns=lambda name: name if name == "id" else f"{prefix}{name}{suffix}")
    number = [int(float(re.search(r"[0-9.]+", str(label))[0])) for label in labels]
    table = np.array(
        [[1.0 if one == 10 else 0.0 for one in number], [1.0 if one == 2 else 0.0 for one in number]]
    )
    cases = [(pd.DataFrame(table, columns=list(labels)), {}), (table, {"classes": labels})]
    cases += [(dict(zip(list(labels), table.T, strict=True)), {}), (pd.DataFrame(table), {"classes": labels})]
    for predictions, options in cases:
        if prefix and str(labels[0]).startswith("prob"):  # texts around both: which is the class?
            with pytest.raises(ValueError, match="with matching names"):
                written(tmp_path, ["a", "b"], predictions, sample, **options)
            continue
        found = written(tmp_path, ["a", "b"], predictions, sample, **options)
        assert found.set_index("id").idxmax(axis=1).tolist() == [f"{prefix}10{suffix}", f"{prefix}2{suffix}"]


@pytest.mark.parametrize(
    "names", [[True, False], ["True", "False"], np.array([True, False]), [1, 0], [1.0, 0.0]]
)
@pytest.mark.parametrize("columns", [("False", "True"), ("0", "1"), ("is_False", "is_True"), ("target",)])
def test_the_positive_class_is_found_by_its_truth_value(tmp_path, names, columns):
    sample = pd.DataFrame({"id": ["a", "b"], **{name: [0.5, 0.5] for name in columns}})
    table = np.array([[0.9, 0.1], [0.3, 0.7]])
    for predictions, options in ((pd.DataFrame(table, columns=list(names)), {}), (table, {"classes": names})):
        if columns[0] == "is_False" and str(names[0]) != "True":
            with pytest.raises(ValueError, match="with matching names"):
                written(tmp_path, ["a", "b"], predictions, sample, **options)
            continue
        found = written(tmp_path, ["a", "b"], predictions, sample, **options)
        assert found[columns[-1]].tolist() == [0.9, 0.3]


@pytest.mark.parametrize(
    "columns",
    [
        ["1", "10", "11", "3"],
        ["a__1", "b__10", "a__11", "a__2"],
        [1, 10, 11, 11.0],
        ["1", "1.0", "10", "11"],
        [2, 10, 11],
        ["x", "y", "z", "w"],
        [0, 1, 2, 3],
        range(4),
    ],
    ids=str,
)
def test_columns_that_cannot_be_matched_are_refused(tmp_path, columns):
    sample = NUMBERED.rename(columns=lambda name: name if name == "id" else f"Class_{name}")
    with pytest.raises(
        ValueError,
        match=r"predictions must be of one column for each of Class_1, .* with matching names; got",
    ):
        written(tmp_path, ["a", "b"], pd.DataFrame(np.full((2, len(columns)), 0.25), columns=columns), sample)
    assert list(tmp_path.iterdir()) == []


def test_the_positive_class_of_other_labels_is_not_guessed(tmp_path):
    sample = pd.DataFrame({"id": ["a", "b"], "target": [0.5, 0.5]})
    table = pd.DataFrame({"no": [0.1, 0.2], "yes": [0.9, 0.8]})
    with pytest.raises(ValueError, match="for the probability of one class, that column alone"):
        written(tmp_path, ["a", "b"], table, sample)
    with pytest.raises(ValueError, match="that column alone"):
        written(tmp_path, ["a", "b"], table.to_numpy(), sample)
    assert written(tmp_path, ["a", "b"], table[["yes"]], sample)["target"].tolist() == [0.9, 0.8]


def test_numbers_of_columns_are_no_names(tmp_path):
    """The columns of a frame that is made from an array are numbered; a mapping's keys are names."""
    two = pd.DataFrame({"id": ["a", "b"], "0": [0.5, 0.5], "1": [0.5, 0.5]})
    one = pd.DataFrame({"id": ["a", "b"], "target": [0.5, 0.5]})
    table = np.array([[0.1, 0.9], [0.2, 0.8]])
    for predictions, sample in ((table, two), (pd.DataFrame(table), one), (table, one)):
        with pytest.raises(ValueError, match="predictions must be of one column for each of"):
            written(tmp_path, ["a", "b"], predictions, sample)
        found = written(tmp_path, ["a", "b"], predictions, sample, classes=[False, True])
        assert found.iloc[:, -1].tolist() == [0.9, 0.8]
    keyed = dict(zip((0, 1), table.T, strict=True))
    for sample in (two, one):
        assert written(tmp_path, ["a", "b"], keyed, sample).iloc[:, -1].tolist() == [0.9, 0.8]


def test_the_name_of_a_single_column_does_not_make_it_ids(tmp_path):
    values = pd.Series([0.9, 0.2], name="id")
    sample = pd.DataFrame({"id": [1, 2], "target": [0.5, 0.5]})
    assert written(tmp_path, [1, 2], values, sample)["target"].tolist() == [0.9, 0.2]


VALUES = {"a": 1.5, "b": 2.5, "c": 3.5}
ROWS = pd.DataFrame({"id": list("abc"), "y": [0.1, 0.2, 0.3]})
SHUFFLED = pd.Series([3.5, 1.5, 2.5], index=list("cab"))


@pytest.mark.parametrize(
    ("ids", "predictions"),
    [
        (list("abc"), SHUFFLED),
        (None, SHUFFLED),
        (None, SHUFFLED.rename_axis("id")),
        (list("abc"), SHUFFLED.rename_axis("id").to_frame("y")),
        (None, SHUFFLED.rename_axis("id").reset_index(name="y")),
        (list("bca"), SHUFFLED.rename_axis("id").reset_index(name="forest")),
        (None, {"c": 3.5, "a": 1.5, "b": 2.5}),
        (list("cab"), SHUFFLED.to_numpy()),
        (list("cab"), SHUFFLED.reset_index(drop=True)),
        (pd.Series(list("abc"), index=[7, 8, 9]), pd.Series([3.5, 1.5, 2.5], index=[9, 7, 8])),
        (pd.Series(list("abc")), pd.Series([3.5, 1.5, 2.5], index=[2, 0, 1])),
        (pd.Series(list("cab"), index=[2, 0, 1]), pd.Series([3.5, 1.5, 2.5], index=[2, 0, 1])),
        (pd.Series(list("cab"), index=[2, 0, 1]), [3.5, 1.5, 2.5]),
        (list("cab"), pd.Series([3.5, 1.5, 2.5], index=[17, 18, 19])),
    ],
)
def test_rows_are_matched_by_their_ids_wherever_these_are(tmp_path, ids, predictions):
    found = written(tmp_path, ids, predictions, ROWS, kind="numbers")
    assert dict(zip(found["id"], found["y"], strict=True)) == VALUES
    assert found["id"].tolist() == list("abc")


@pytest.mark.parametrize(
    ("ids", "predictions", "text"),
    [
        (list("abc"), SHUFFLED.set_axis(list("cad")), "The index of the predictions must be the ids"),
        (list("abc"), SHUFFLED.set_axis(list("caa")), r"repeated ids \(a\)"),
        (list("abc"), SHUFFLED.rename_axis("id").set_axis(list("cad")), "1 others|The index of the pred"),
        (
            list("abd"),
            SHUFFLED.rename_axis("id"),
            r"id of the predictions must be the ids .* got 1 others \(c\)",
        ),
        (None, SHUFFLED.to_numpy(), r"ids must be one per row, .* named 'id'; got ids=None"),
        (None, SHUFFLED.reset_index(drop=True), "ids must be one per row"),
        (list("abc"), {"a": 1.5, "b": 2.5}, "id of the predictions must be the ids"),
        (pd.Series([0, 1, 2], index=[2, 1, 0]), pd.Series([3.5, 1.5, 2.5], index=[1, 2, 0]), "two orders"),
    ],
)
def test_rows_that_cannot_be_identified_are_refused(tmp_path, ids, predictions, text):
    with pytest.raises(ValueError, match=text):
        written(tmp_path, ids, predictions, ROWS, kind="numbers")
    assert list(tmp_path.iterdir()) == []


def test_a_stack_of_twelve_classes_is_submitted_as_it_predicts(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(1.0, 13.0), 6)
    X = np.c_[y, rng.normal(size=len(y))]
    stack = StackingClassifier([("tree", DecisionTreeClassifier())], DecisionTreeClassifier(), cv=3, n_jobs=1)
    probabilities = stack.fit(X, y).predict_proba(X)
    labels = sorted(map(str, range(1, 13)))
    sample = pd.DataFrame({"id": range(len(y)), **dict.fromkeys((f"c{label}" for label in labels), 1 / 12)})
    found = written(tmp_path, range(len(y)), probabilities, sample, classes=stack.classes_)
    assert found.set_index("id").idxmax(axis=1).str[1:].astype(float).tolist() == stack.predict(X).tolist()


def test_float32_probabilities_of_a_softmax_are_valid(tmp_path):
    scores = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert write_submission(
        tmp_path / "s.csv", OTTO["id"], probabilities, sample=OTTO, classes=[1, 2, 10]
    ).exists()


def test_nothing_that_is_passed_is_changed(tmp_path):
    sample, predictions = TITANIC.copy(), pd.DataFrame({"Survived": [0.0, 1.0] * 5})
    write_submission(tmp_path / "s.csv", sample["PassengerId"], predictions, sample=sample)
    pd.testing.assert_frame_equal(sample, TITANIC)
    assert predictions["Survived"].dtype == float


def test_ids_keep_their_leading_zeros(tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_text("id,y\n007,0.5\nNA,0.25\n1.50,0.5\n")
    path = write_submission(tmp_path / "s.csv", ["1.50", "NA", "007"], [0.3, 0.2, 0.1], sample=sample)
    assert path.read_text() == "id,y\n007,0.1\nNA,0.2\n1.50,0.3\n"


@pytest.mark.parametrize("name", ["sample.csv.gz", "sample.csv.zip", "sample.csv"])
def test_samples_may_be_compressed(tmp_path, name):
    OTTO.to_csv(tmp_path / name, index=False)
    path = write_submission(tmp_path / "s.csv", OTTO["id"], OTTO.iloc[:, 1:], sample=tmp_path / name)
    check_submission(path, tmp_path / name)
    path.with_name("s.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    check_submission(path.with_name("s.csv.gz"), tmp_path / name)


# What is refused


@pytest.mark.parametrize(
    ("sample", "submission", "text"),
    [
        (
            TITANIC,
            TITANIC.rename(columns={"Survived": "survived"}),
            "columns ['PassengerId', 'survived'] instead",
        ),
        (
            OTTO,
            OTTO[["id", "Class_10", "Class_1", "Class_2"]],
            "columns ['id', 'Class_10', 'Class_1', 'Class_2']",
        ),
        (TITANIC, TITANIC.assign(more=1), "'more'] instead of ['PassengerId', 'Survived']"),
        (TITANIC, TITANIC[["Survived"]], "columns ['Survived'] instead of"),
        (TITANIC, TITANIC.iloc[1:], "got 1 missing id (892). Kaggle"),
        (TITANIC, TITANIC.iloc[:2], "got 8 missing ids (894, 895, 896, 897, 898, and 3 more). Kaggle"),
        (TITANIC, pd.concat([TITANIC, TITANIC.iloc[:1]]), "got 1 repeated id (892). Kaggle"),
        (TITANIC, changed(TITANIC, 9, "PassengerId", 7), "got 1 missing id (901); 1 unknown id (7). Kaggle"),
        (TITANIC, changed(TITANIC, 9, "PassengerId", None), "1 unknown id ('')"),
        (
            TITANIC,
            TITANIC.iloc[::-1],
            "ids in another order from row 0 on (901, the sample submission has 892)",
        ),
        (TITANIC, changed(TITANIC, 3, "Survived", None), "Survived missing in 1 row (id 895: '')"),
        (TITANIC, changed(TITANIC, 3, "Survived", "NaN"), "Survived missing in 1 row (id 895: NaN)"),
        (TITANIC, changed(TITANIC, 3, "Survived", 2), "Survived not one of 0, 1 in 1 row (id 895: 2)"),
        (
            TITANIC,
            TITANIC.astype(float),
            "Survived not one of 0, 1 in 10 rows (id 892.0: 0.0, id 893.0: 1.0, id 894.0: 0.0, and 7 more)",
        ),
        (TITANIC, TITANIC.astype({"Survived": bool}), "not one of 0, 1 in 10 rows (id 892: False"),
        (PLACEHOLDER, changed(PLACEHOLDER, 0, "Label", 0.5), "Label not a whole number in 1 row (id 1: 0.5)"),
        (PLACEHOLDER, changed(PLACEHOLDER, 0, "Label", "seven"), "Label not a number in 1 row (id 1: seven)"),
        (PRICES, changed(PRICES, 1, "SalePrice", np.inf), "SalePrice infinite in 1 row (id 1462: inf)"),
        (PRICES, changed(PRICES, 1, "SalePrice", "12,5"), "SalePrice not a number in 1 row (id 1462: 12,5)"),
        (
            SPECIES,
            changed(SPECIES, 1, "species", "setsoa"),
            "not one of setosa, virginica in 1 row (id b: setsoa)",
        ),
        (SPECIES, changed(SPECIES, 1, "species", 1), "not one of setosa, virginica in 1 row (id b: 1)"),
        (
            OTTO,
            changed(OTTO, 0, "Class_1", 0.5),
            "the sum of Class_1, Class_2, Class_10 not 1 in 1 row (id 3: 1.16667)",
        ),
        (OTTO, changed(OTTO, 0, "Class_1", -0.5), "Class_1 outside [0, 1] in 1 row (id 3: -0.5)"),
    ],
)
def test_each_fault_is_named(sample, submission, text):
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        check_submission(submission, sample)
    message = str(caught.value)
    assert message.startswith("The submission must be valid like the sample submission; got ")
    assert message.endswith(" Correct the submission.")


def test_all_faults_of_a_file_come_in_one_error(tmp_path):
    path = tmp_path / "submission.csv"
    path.write_text("id,Class_1,Class_2,Class_10\n3,0.5,0.5,nan\n9,2,0.5,-inf\n9,0.1,0.1,0.1\n")
    sample = tmp_path / "sample.csv"
    OTTO.to_csv(sample, index=False)
    with pytest.raises(ValueError, match="submission") as caught:
        check_submission(path, sample)
    assert str(caught.value) == (
        "submission.csv must be valid like sample.csv; got 2 missing ids (1, 2); 1 unknown id (9)"
        "; 1 repeated id (9); Class_1 outside [0, 1] in 1 row (id 9: 2)"
        "; Class_10 missing in 1 row (id 3: nan); Class_10 infinite in 1 row (id 9: -inf)"
        "; the sum of Class_1, Class_2, Class_10 not 1 in 1 row (id 9: 0.3). Kaggle refuses it with: "
        "ERROR: Unable to find 2 required key values in the 'id' column; ERROR: Unable to find the required "
        "key value '1' in the 'id' column; ERROR: Unable to find the required key value '2' in the 'id' "
        "column. Correct the submission."
    )


@pytest.mark.parametrize(
    "predictions", [[0.5, 1, 0, 1, 0, 1, 0, 1, 0, 1], [np.nan] * 10, [2] * 10, ["yes"] * 10]
)
def test_an_invalid_submission_is_not_written_and_the_old_file_stays(tmp_path, predictions):
    path = tmp_path / "s.csv"
    with pytest.raises(ValueError, match="Correct the predictions: nothing was written"):
        write_submission(path, TITANIC["PassengerId"], predictions, sample=TITANIC)
    assert list(tmp_path.iterdir()) == []
    path.write_text("old")
    with pytest.raises(ValueError, match=r"Survived .* in \d+ row"):
        write_submission(path, TITANIC["PassengerId"], predictions, sample=TITANIC)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (range(892, 901), "predictions must be one per id, 9; got 10 rows. Pass one row per id."),
        (
            range(10),
            "10 missing ids (892, 893, 894, 895, 896, and 5 more); 10 unknown ids (0, 1, 2, 3, 4, and",
        ),
        ([892, *range(892, 901)], "1 missing id (901); 1 repeated id (892)"),
        (np.arange(892, 902) / 1.0, "10 ids with a decimal point (892.0 for 892, "),
        ([None, *range(893, 902)], "1 missing id (892); 1 unknown id ("),
    ],
)
def test_wrong_ids_are_refused(tmp_path, ids, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        write_submission(tmp_path / "s.csv", ids, [0] * 10, sample=TITANIC)
    assert list(tmp_path.iterdir()) == []


def test_predictions_of_another_shape_are_refused(tmp_path):
    text = r"of one column for each of Survived; got shape=\(10, 2\). .* that column alone"
    with pytest.raises(ValueError, match=text):
        write_submission(tmp_path / "s.csv", TITANIC["PassengerId"], np.zeros((10, 2)), sample=TITANIC)
    half_named = pd.DataFrame({"Class_1": [1.0] * 3, "Class_2": [0.0] * 3, "Class_3": [0.0] * 3})
    with pytest.raises(ValueError, match=r"columns \['id', 'Class_1', 'Class_2', 'Class_3'\] instead of"):
        write_submission(tmp_path / "s.csv", OTTO["id"], half_named, sample=OTTO)


def test_a_compressed_path_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path must be an uncompressed .csv file; got path=.*s.csv.gz"):
        write_submission(tmp_path / "s.csv.gz", TITANIC["PassengerId"], [0] * 10, sample=TITANIC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "id,y\n1,0\n1,1\n",
            "sample.csv must be a table of unique ids and at least one column of values; got 1 rep",
        ),
        ("id,y\n", "got 0 rows of columns ['id', 'y']"),
        ("id\n1\n", "got 1 rows of columns ['id']"),
        ("id,y,y\n1,0,0\n", "got 1 rows of columns ['id', 'y', 'y']"),
        ("", "sample.csv is empty"),
        ("id,y\n1,2,3\n", "Expected 2 fields in line 2, saw 3"),
    ],
)
def test_an_unusable_sample_is_refused(tmp_path, text, expected):
    sample = tmp_path / "sample.csv"
    sample.write_text(text)
    with pytest.raises(ValueError, match=re.escape(expected)):
        check_submission(TITANIC, sample)


def test_a_ragged_submission_is_no_table_and_a_short_row_lacks_a_value(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("Id,SalePrice\n1461,1.5,7\n1462,2.5\n")
    with pytest.raises(ValueError, match=r"s.csv has rows with more cells than its header, .* line 2, saw 3"):
        check_submission(path, PRICES)
    path.write_text("Id,SalePrice\n1461\n1462,2.5\n")
    with pytest.raises(ValueError, match="SalePrice missing in 1 row"):
        check_submission(path, PRICES)
    path.write_text("Id,SalePrice,SalePrice\n1461,1.5,1\n1462,2.5,1\n")
    with pytest.raises(ValueError, match=re.escape("columns ['Id', 'SalePrice', 'SalePrice'] instead of")):
        check_submission(path, PRICES)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        check_submission(TITANIC, tmp_path / "nowhere.csv")


# What the sample says, and what the caller says of it


@pytest.mark.parametrize(
    ("column", "valid", "invalid"),
    [
        ([0, 1, 0, 1], [1, 1, 1, 1], [0.5, 1, 1, 1]),
        ([0, 0, 0, 0], [7, 8, 9, 0], [0.5, 1, 1, 1]),
        ([10, 20, 30, 40], [7, 8, 9, -3], [0.5, 1, 1, 1]),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 0.25, 1e-9], [1.5, 1, 1, 1]),
        ([0.0, 0.0, 0.0, 0.0], [-3, 1e9, 0.5, 1], [np.inf, 1, 1, 1]),
        ([1.5, 2.0, 0.1, -3], [-3, 1e9, 0.5, 1], ["x", 1, 1, 1]),
        ([False, False, False, False], [True, False, True, False], [1, 0, 1, 0]),
        (["a", "a", "a", "a"], ["b", "c", "a", "any text"], [1, 2, 3, 4]),
        (["a", "b", "a", "b"], ["b", "b", "b", "b"], ["c", "b", "b", "b"]),
        (["None", "b", "None", "b"], ["None", "None", "b", "b"], ["c", "b", "b", "b"]),
        ([None, None, None, None], ["text", "1.5", "7", "x"], [None, 1, 1, 1]),
    ],
)
def test_values_are_of_the_kind_that_the_sample_shows(tmp_path, column, valid, invalid):
    sample = pd.DataFrame({"id": list("pqrs"), "y": pd.Series(column)})
    path = write_submission(tmp_path / "s.csv", list("pqrs"), pd.Series(valid), sample=sample)
    check_submission(path, sample)
    with pytest.raises(ValueError, match=r"y .* in [1-4] row"):
        write_submission(path, list("pqrs"), pd.Series(invalid), sample=sample)


def test_zeros_and_ones_in_several_columns_are_probabilities_when_rows_sum_to_one(tmp_path):
    """Kaggle's own sample of Otto says 1, 0, 0, ... in each row."""
    sample = pd.DataFrame({"id": [1, 2], "a": [1, 1], "b": [0, 0], "c": [0, 0]})
    rows = pd.DataFrame([[0.2, 0.3, 0.5], [1, 0, 0]], columns=["a", "b", "c"])
    check_submission(write_submission(tmp_path / "s.csv", [1, 2], rows, sample=sample), sample)
    with pytest.raises(ValueError, match="the sum of a, b, c not 1 in 2 rows"):
        write_submission(tmp_path / "s.csv", [1, 2], rows * 0.99, sample=sample)
    assert write_submission(tmp_path / "s.csv", [1, 2], rows * 0.99, sample=sample, tolerance=0.02).exists()


def test_several_labels_of_a_row_need_not_sum_to_one(tmp_path):
    toxic = pd.DataFrame({"id": ["x", "y"], "toxic": [0.5, 0.5], "insult": [0.5, 0.5], "threat": [0.5, 0.5]})
    assert write_submission(
        tmp_path / "s.csv", ["x", "y"], np.eye(3)[:2] * 0.3, sample=toxic, classes=[*toxic.columns[1:]]
    ).exists()


def test_the_kind_that_is_passed_overrides_a_placeholder(tmp_path):
    ids, path = PLACEHOLDER["ImageId"], tmp_path / "s.csv"
    with pytest.raises(ValueError, match="not a whole number"):
        write_submission(path, ids, [0.5, 0.1, 0.9], sample=PLACEHOLDER)
    assert write_submission(path, ids, [0.5, 0.1, 0.9], sample=PLACEHOLDER, kind="probabilities").exists()
    with pytest.raises(ValueError, match=r"Label outside \[0, 1\]"):
        write_submission(path, ids, [0.5, 0.1, 1.9], sample=PLACEHOLDER, kind="probabilities")
    with pytest.raises(ValueError, match="Label not one of 0, 1, 2, 3, 4, and 5 more in 1 row"):
        write_submission(path, ids, [0, 1, 10], sample=PLACEHOLDER, labels=range(10))
    with pytest.raises(ValueError, match="Label not one of 0 in 1 row"):
        write_submission(path, ids, [0, 0, 10], sample=PLACEHOLDER, kind="labels")
    with pytest.raises(ValueError, match=r"kind must be one of labels, integers, .*; got kind='classes'"):
        check_submission(PLACEHOLDER, PLACEHOLDER, kind="classes")
    with pytest.raises(ValueError, match="kind must be 'labels' if labels are passed; got kind='text'"):
        check_submission(PLACEHOLDER, PLACEHOLDER, kind="text", labels=[1])


# The real samples


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("titanic", "gender_submission.csv"),
        ("otto", "sample_submission.csv.gz"),
        ("house_prices", "sample_submission.csv"),
    ],
)
def test_a_real_sample_is_valid_and_comes_back_from_any_order(tmp_path, folder, name):
    sample = data(folder, name) / name
    check_submission(sample, sample)
    table = pd.read_csv(sample).sample(frac=1, random_state=0)
    path = write_submission(tmp_path / "s.csv", table.iloc[:, 0], table.iloc[:, 1:], sample=sample)
    pd.testing.assert_frame_equal(pd.read_csv(path), pd.read_csv(sample))


def test_titanic_takes_zeros_and_ones_only(tmp_path):
    folder = data("titanic", "test.csv", "gender_submission.csv")
    sample, test = folder / "gender_submission.csv", pd.read_csv(folder / "test.csv")
    survived = (test["Sex"] == "female").astype(float)
    path = write_submission(tmp_path / "s.csv", test["PassengerId"], survived, sample=sample)
    assert path.read_text() == sample.read_text().replace("\r\n", "\n")
    with pytest.raises(ValueError, match="Survived not one of 0, 1 in 418 rows"):
        write_submission(path, test["PassengerId"], survived * 0.9 + 0.05, sample=sample)
    written_by_hand = pd.DataFrame({"PassengerId": test["PassengerId"], "Survived": survived})
    with pytest.raises(ValueError, match=r"The submission must be valid like gender_submission\.csv"):
        check_submission(written_by_hand, sample)
