"""The board follows the events of a run."""

import math

import pytest

from stackit.progress import ProgressBoard, ProgressEvent


@pytest.fixture
def board():
    """Two members on two folds; one is done, the other one runs."""
    board = ProgressBoard()
    for event in (
        ProgressEvent(kind="members", members=("linear", "net"), n_splits=2),
        ProgressEvent(kind="stage", text="folds", members=("linear", "net"), n_splits=2),
        ProgressEvent(kind="start", member="linear", splits=(0, 1)),
        ProgressEvent(kind="finish", member="linear", splits=(0,), seconds=1.0, score=0.5),
        ProgressEvent(kind="finish", member="linear", splits=(1,), seconds=2.0, score=0.7, from_store=True),
        ProgressEvent(kind="start", member="net", splits=(1,), elapsed=3.0, remaining=4.0),
    ):
        board.update(event)
    return board


def test_it_holds_what_is_done_and_what_runs(board):
    linear, net = board.members["linear"], board.members["net"]
    assert (linear.state, linear.seconds, linear.score) == ("done", 3.0, pytest.approx(0.6))
    assert (net.state, net.cells[0, 0].state, net.cells[0, 1].state) == ("running", "waiting", "running")
    assert (board.n_done, board.n_fits, board.n_from_store, board.running) == (2, 4, 1, ["net"])
    assert (board.stage, board.elapsed, board.remaining) == ("folds", 3.0, 4.0)


def test_fits_that_were_stopped_do_not_run_in_the_next_stage(board):
    board.update(ProgressEvent(kind="stage", text="repeat 2", members=("linear",), n_splits=2, repeat=1))
    assert board.running == []
    assert (board.n_fits, board.n_repeats) == (6, 2)


def test_members_that_are_left_out_do_not_count(board):
    board.update(ProgressEvent(kind="finish", member="net", splits=(1,), error="out of memory"))
    board.update(ProgressEvent(kind="leave out", member="net", text="MemoryError: out of memory"))
    assert (board.members["net"].state, board.n_fits) == ("left out", 2)
    assert math.isnan(board.members["net"].score)


def test_fits_on_samples_are_no_folds(board):
    board.update(ProgressEvent(kind="start", member="forest", splits=(0,), sampled=True))
    assert board.members["forest"].state == "running"
    board.update(ProgressEvent(kind="finish", member="forest", splits=(0,), sampled=True, score=0.9))
    assert board.members["forest"].state == "waiting"
    assert math.isnan(board.members["forest"].score)


def test_the_last_blend_counts(board):
    assert math.isnan(board.score)
    for score in (0.8, 0.9):
        board.update(ProgressEvent(kind="blend", score=score))
    assert (board.score, board.n_blended) == (0.9, 2)
