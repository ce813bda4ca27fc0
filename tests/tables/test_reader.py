"""Raw tables become typed frames, row by row, by what the training rows were."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from stackit.tables import TableReader

N = 200


@pytest.fixture(scope="module")
def raw():
    rng = np.random.default_rng(0)
    age = np.where(rng.random(N) < 0.1, np.nan, rng.integers(1, 90, N))
    return pd.DataFrame(
        {
            "row": np.arange(N) + 1000,
            "age": age,
            "income": np.where(rng.random(N) < 0.1, "?", rng.integers(1, 90, N).astype(str)),
            "member": np.where(rng.random(N) < 0.5, "yes", "No"),
            "active": rng.random(N) < 0.5,
            "city": rng.choice(["Rome", "Oslo", "Lima"], N, p=[0.6, 0.3, 0.1]),
            "joined": pd.date_range("2020-01-31", periods=N).strftime("%d/%m/%Y"),
            "seen": pd.date_range("2024-01-01", periods=N, freq="h", tz="Europe/Rome"),
            "words": [
                f"the {rng.integers(900)} brown foxes jumped {rng.integers(900)} dogs" for _ in range(N)
            ],
            "code": [f"A{number:07d}x" for number in rng.permutation(N)],
            "country": "it",
            "empty": np.nan,
            "years": age,
        }
    )


KINDS = {
    "row": "id",
    "age": "number",
    "income": "number",
    "member": "boolean",
    "active": "boolean",
    "city": "category",
    "joined": "datetime",
    "seen": "datetime",
    "words": "text",
    "code": "id",
    "country": "constant",
    "empty": "empty",
    "years": "duplicate",
}


def kind_of(values, name="column"):
    frame = pd.DataFrame({name: values, "other": np.arange(len(values)) % 7 + 0.5})
    return TableReader().fit(frame).columns_.loc[name, "kind"]


def read_alone(values):
    return TableReader().fit_transform(pd.DataFrame({"column": values}))["column"]


class TestKinds:
    def test_each_column_has_its_kind(self, raw):
        assert TableReader().fit(raw).columns_["kind"].to_dict() == KINDS

    def test_the_table_says_why_columns_are_left_out(self, raw):
        notes = TableReader().fit(raw).columns_["note"]
        assert notes["country"] == "left out: always 'it'"
        assert notes["years"] == "left out: the same as 'age'"
        assert notes["code"] == "left out: nearly all values are distinct"

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            (["1", "2", "x"] * 10, "category"),
            (["1", "2"] * 30 + ["x"], "number"),
            (["007", "012"] * 10, "category"),
            (["1,5", "2,25"] * 10, "number"),
            (["$1,200", "$99"] * 10, "number"),
            (["5%", "12.5%"] * 10, "number"),
            ([Decimal("1.5"), Decimal("2.5")] * 10, "number"),
            ([True, None, False] * 10, "boolean"),
            (pd.array([True, None, False] * 10, dtype="boolean"), "boolean"),
            (["Y", "N", None] * 10, "boolean"),
            (["none", "pool"] * 10, "category"),
            ([1, "a", 2.0] * 10, "category"),
            (pd.Categorical([1, 2] * 10), "category"),
            ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), None] * 10, "datetime"),
            (["Jan 05, 2020", "Feb 06, 2021"] * 10, "datetime"),
            (pd.period_range("2020-01", periods=30, freq="M"), "datetime"),
            (pd.to_timedelta([1, 2, 3] * 10, unit="h"), "number"),
            ([b"a", b"b"] * 10, "category"),
            (np.array([1, 2, 3] * 10), "number"),
            (np.arange(1950, 2020), "number"),  # years
            (np.arange(150)[::-1], "id"),
            (np.random.default_rng(0).permutation(10_000)[:150], "number"),
            ([f"{first} {last}" for first in "abcdefgh" for last in "ijklmnop"], "id"),
        ],
    )
    def test_values_have_their_kind(self, values, kind):
        assert kind_of(values) == kind

    @pytest.mark.parametrize("name", ["id", "row_id", "PassengerId", "user ID", "Unnamed: 0"])
    def test_distinct_whole_numbers_with_the_name_of_an_id_are_one(self, name):
        spread = np.random.default_rng(0).permutation(10_000)[:50]
        assert kind_of(spread, name) == "id"
        assert kind_of(spread, "paid") == "number"

    def test_many_levels_that_repeat_are_a_category(self):
        assert kind_of([f"level {at % 400}" for at in range(800)]) == "category"

    def test_sizes_of_gaps_decide_whether_a_column_says_where_they_are(self):
        few, many = np.arange(400) * 1.5, np.arange(400) * 2.5
        few[:3], many[5:9] = np.nan, np.nan
        typed = TableReader().fit_transform(pd.DataFrame({"few": few, "many": many, "again": -many}))
        assert typed.columns.tolist() == ["few", "many", "many_missing", "again"]
        assert typed["many_missing"].tolist() == np.isnan(many).tolist()

    def test_a_column_that_has_the_name_for_gaps_keeps_it(self):
        frame = pd.DataFrame({"age": [1.0, np.nan, 3.0], "age_missing": [5.0, 6.0, 8.0]})
        assert TableReader().fit_transform(frame).columns.tolist() == ["age", "age_missing"]


class TestValues:
    def test_the_typed_frame_has_one_dtype_per_kind(self, raw):
        typed = TableReader().fit_transform(raw)
        assert typed.dtypes.astype(str).to_dict() == {
            "age": "float64",
            "age_missing": "bool",
            "income": "float64",
            "income_missing": "bool",
            "member": "float32",
            "active": "float32",
            "city": "category",
            "joined": "datetime64[s]",
            "seen": "datetime64[us]",
            "words": "object",
        }

    def test_values_are_those_of_the_raw_table(self, raw):
        typed = TableReader().fit_transform(raw)
        assert typed["income"].dropna().tolist() == [float(one) for one in raw["income"] if one != "?"]
        assert typed["joined"].dt.strftime("%d/%m/%Y").tolist() == raw["joined"].tolist()
        assert typed["seen"].tolist() == raw["seen"].dt.tz_localize(None).tolist()
        assert typed["city"].tolist() == raw["city"].tolist()
        assert typed["words"].tolist() == raw["words"].tolist()
        assert (typed["member"] == 1).tolist() == (raw["member"] == "yes").tolist()

    def test_levels_are_those_of_training_the_most_frequent_first(self):
        typed = read_alone(["b", "c", "a", "c", "b", "c", None])
        assert typed.cat.categories.tolist() == ["c", "b", "a"]

    def test_ordered_levels_keep_their_order(self):
        grades = pd.Categorical(["low", "high", "high", "low"], ["low", "mid", "high"], ordered=True)
        typed = read_alone(grades)
        assert typed.cat.categories.tolist() == ["low", "high"]
        assert typed.cat.ordered

    def test_large_whole_numbers_stay_exact(self):
        assert read_alone([16777217, 16777216, 3]).tolist() == [16777217, 16777216, 3]

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [
            ("int8", "float32"),
            ("float32", "float32"),
            ("int64", "float64"),
            ("Int16", "float32"),
            ("Float64", "float64"),
        ],
    )
    def test_numbers_are_as_wide_as_their_dtype_needs(self, dtype, expected):
        assert read_alone(pd.array([1, 2, 5], dtype=dtype)).dtype == expected

    def test_wide_numbers_are_not_copied(self):
        frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
        assert np.shares_memory(TableReader().fit_transform(frame)["a"].to_numpy(), frame["a"].to_numpy())

    @pytest.mark.parametrize(
        ("words", "numbers"),
        [
            (["1,5", "2,25"], [1.5, 2.25]),
            (["1,200", "99", "-1,000,000.5"], [1200, 99, -1000000.5]),
            (["$5", "7%"], [5, 7]),
        ],
    )
    def test_strings_of_numbers_are_read(self, words, numbers):
        assert read_alone(words * 5).tolist() == numbers * 5

    def test_words_for_gaps_are_missing(self):
        assert read_alone(["a", "b", "", " ", "NA", "?", "NaN", None]).isna().sum() == 6

    def test_days_before_months_are_found_late(self):
        days = [f"{day:02d}.0{month}.2021" for month in (1, 2, 3) for day in [*range(1, 13), 25]]
        assert read_alone(days).dt.day.tolist() == [*range(1, 13), 25] * 3

    def test_one_day_decides_whether_the_month_is_first(self):
        days = [f"{day:02d}/{month:02d}/2020" for month in range(1, 13) for day in range(1, 13)]
        assert read_alone(days).dt.month.tolist() == [*range(1, 13)] * 12
        assert read_alone([*days, "25/12/2020"]).dt.day.tolist() == [*range(1, 13)] * 12 + [25]

    def test_dates_in_other_zones_are_read_by_the_clocks_of_training(self):
        train = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=9, freq="h", tz="Europe/Rome")})
        reader = TableReader().fit(train)
        new = pd.DataFrame({"at": train["at"].dt.tz_convert("UTC")})
        pd.testing.assert_frame_equal(reader.transform(new), reader.transform(train))

    def test_names_are_safe_for_every_library(self):
        typed = TableReader().fit_transform(pd.DataFrame({"a[0]": [1, 2], "b<3": [3, 1]}))
        assert typed.columns.tolist() == ["a_0_", "blt3"]


class TestNewRows:
    def test_a_row_is_read_by_itself(self, raw):
        reader = TableReader()
        whole = reader.fit_transform(raw)
        one_by_one = pd.concat([reader.transform(raw.iloc[[at]]) for at in range(0, N, 20)])
        pd.testing.assert_frame_equal(one_by_one, whole.iloc[::20])
        pd.testing.assert_frame_equal(reader.transform(raw), whole)

    def test_levels_that_training_had_not_are_missing(self):
        reader = TableReader().fit(pd.DataFrame({"city": ["Rome", "Oslo", "Rome"]}))
        typed = reader.transform(pd.DataFrame({"city": ["Lima", "Oslo"]}, index=[7, 9]))
        assert typed["city"].isna().tolist() == [True, False]
        assert typed.index.tolist() == [7, 9]
        assert typed["city"].cat.categories.tolist() == ["Rome", "Oslo"]

    def test_columns_are_found_by_name(self, raw):
        reader = TableReader().fit(raw)
        turned = raw[raw.columns[::-1]].drop(columns=["country", "row"])
        pd.testing.assert_frame_equal(reader.transform(turned), reader.transform(raw))

    def test_arrays_and_lists_are_read_by_position(self):
        table = [[1.5, "a"], [2.5, "b"], [4.0, "a"]]
        of_list = TableReader().fit_transform(table)
        pd.testing.assert_frame_equal(TableReader().fit_transform(np.array(table, dtype=object)), of_list)
        assert of_list.columns.tolist() == ["0", "1"]
        assert of_list.dtypes.astype(str).tolist() == ["float64", "category"]

    def test_codes_read_as_numbers_are_the_same_levels(self):
        reader = TableReader().fit(pd.DataFrame({"zip": ["10", "20", "x"] * 5}))
        typed = reader.transform(pd.DataFrame({"zip": [20.0, np.nan]}))
        assert typed["zip"].tolist()[0] == "20"

    def test_no_rows_are_an_empty_frame(self, raw):
        reader = TableReader().fit(raw)
        assert reader.transform(raw.iloc[:0]).dtypes.equals(reader.transform(raw).dtypes)

    def test_three_rows_are_enough(self):
        typed = TableReader().fit_transform(pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]}))
        assert typed.shape == (3, 2)


class TestBadInput:
    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"a": [[1], [2]]}, "Column 'a' holds lists, dicts or arrays. Drop it"),
            ({"a": [{"b": 1}, {"b": 2}]}, "Column 'a' holds lists, dicts or arrays. Drop it"),
            ({"a": [(1, 2), (3, 4)]}, "Column 'a' holds lists, dicts or arrays. Drop it"),
            ({"a": [1.0, 2.0, np.inf]}, "Column 'a' cannot be read: it holds an infinite value."),
            ({"a": [1.0, np.inf, -np.inf]}, "Column 'a' cannot be read: it holds 2 infinite values."),
            ({"a": ["1", "inf"] * 9}, "Column 'a' cannot be read: it holds 9 infinite values."),
            ({"a": [1j, 2j]}, "Column 'a' cannot be read: it holds complex numbers."),
            ({"a": []}, "The table must have at least one row; it has none."),
            ({}, "The table must have at least one column; it has none."),
            (
                {"a": [1, 1], "b": [None, None]},
                "No column can be used: a is left out: always 1; b is left out",
            ),
            ([1, 2, 3], "The table must have rows and columns; got one dimension."),
            (np.zeros((2, 2, 2)), "The table must have rows and columns; got an array of shape"),
        ],
    )
    def test_tables_that_cannot_be_read_are_refused(self, table, message):
        with pytest.raises(ValueError, match=message.replace("(", r"\(")):
            TableReader().fit(pd.DataFrame(table) if isinstance(table, dict) else table)

    def test_two_columns_of_one_name_are_refused(self):
        table = pd.DataFrame([[1, 2]], columns=["a", "a"])
        with pytest.raises(ValueError, match=r"distinct names; there are several of 'a'\. Rename them"):
            TableReader().fit(table)

    def test_a_missing_column_is_named(self, raw):
        with pytest.raises(
            ValueError, match=r"lacks the column 'age' of the training table\. It has the column 'Age'"
        ):
            TableReader().fit(raw).transform(raw.rename(columns={"age": "Age"}))

    def test_extra_columns_are_ignored_with_a_warning(self, raw):
        reader = TableReader().fit(raw)
        with pytest.warns(
            UserWarning, match="has the column 'target', which the training table had not: ignored"
        ):
            typed = reader.transform(raw.assign(target=1))
        pd.testing.assert_frame_equal(typed, reader.transform(raw))

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("age", "old", "it held numbers in the training rows and holds values such as 'old' now"),
            ("age", pd.Timestamp(2020, 1, 1), "it held numbers in the training rows"),
            ("joined", 7, "it held dates in the training rows and holds numbers now"),
            ("joined", "soon", "it held dates in the training rows and holds values such as 'soon' now"),
            (
                "member",
                "perhaps",
                "it held yes and no in the training rows and holds values such as 'perhaps'",
            ),
            (
                "city",
                5.5,
                "it held levels such as 'Rome' in the training rows and holds values such as '5.5' now",
            ),
            ("age", np.inf, "it holds 200 infinite values"),
            ("words", [1], "holds lists"),
        ],
    )
    def test_a_column_of_another_type_is_named(self, raw, name, value, message):
        reader = TableReader().fit(raw)
        changed = raw.assign(**{name: [value] * N})
        with pytest.raises(ValueError, match=f"Column '{name}' .*{message}"):
            reader.transform(changed)

    def test_an_array_of_another_width_is_refused(self):
        reader = TableReader().fit(np.arange(6.0).reshape(3, 2) ** 2)
        with pytest.raises(ValueError, match="must have the 2 columns of the training table; it has 3"):
            reader.transform(np.zeros((1, 3)))

    def test_an_array_after_a_frame_is_taken_in_order_with_a_warning(self):
        reader = TableReader().fit(pd.DataFrame({"a": [1, 2], "b": [3, 1]}))
        with pytest.warns(UserWarning, match="no names of columns: they are taken in the order"):
            assert reader.transform(np.array([[5, 6]]))["b"].tolist() == [6]


# Columns that are categories by order of the user


def departments(dtype=np.int64):
    return pd.DataFrame(
        {"dept": np.array([117, 25, 117, 4051, 25] * 8, dtype=dtype), "age": np.arange(40) % 9 + 20.5}
    )


@pytest.mark.parametrize("dtype", [np.int64, np.float64, object])
def test_numbers_are_categories_where_that_is_said(dtype):
    reader = TableReader(categories=["dept"])
    typed = reader.fit_transform(departments(dtype))
    assert [*typed["dept"].cat.categories] == ["117", "25", "4051"]
    assert [*reader.columns_["kind"]] == ["category", "number"]
    new = reader.transform(pd.DataFrame({"dept": [25.0, 9.0, np.nan], "age": [1.0, 2.0, 3.0]}))
    assert [*new["dept"].cat.codes] == [1, -1, -1]


def test_a_new_row_with_an_unseen_number_is_read():
    reader = TableReader(categories=["dept"]).fit(departments())
    assert reader.transform(pd.DataFrame({"dept": [9], "age": [30.0]}))["dept"].isna().all()


def test_codes_that_were_strings_and_are_numbers_now_are_an_error():
    reader = TableReader().fit(pd.DataFrame({"code": ["007", "012", "007"] * 9, "age": np.arange(27) % 7}))
    with pytest.raises(ValueError, match="held levels such as '007' in the training rows"):
        reader.transform(pd.DataFrame({"code": [7, 12], "age": [1, 2]}))


def test_columns_of_arrays_are_named_by_position():
    kinds = TableReader(categories=[0]).fit(departments().to_numpy()).columns_["kind"]
    assert [*kinds] == ["category", "number"]


@pytest.mark.parametrize(
    ("categories", "text"),
    [
        (
            ["team"],
            r"categories has 'team', but the table has no such column. Its columns are 'dept', 'age'.",
        ),
        ("dept", r"categories must be a list of columns; got 'dept'. Pass \['dept'\]."),
    ],
)
def test_categories_that_are_no_columns_are_refused(categories, text):
    with pytest.raises(ValueError, match=text):
        TableReader(categories=categories).fit(departments())
