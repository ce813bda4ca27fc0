"""Progress in a notebook: one output, replaced in place, with text for those that show no HTML."""

from stackit.progress import ProgressEvent
from stackit.progress.cell import CellStatus, bar_in_cell


class Screen:
    """Shows an output as a notebook does, and keeps all that it showed."""

    def __init__(self):
        self.outputs, self.shown = 0, []

    def display(self, bundle, raw, display_id):
        assert raw
        assert display_id
        self.outputs += 1
        self.update(bundle, raw)
        return self

    def update(self, bundle, raw):
        assert raw
        self.shown.append(bundle)


def test_a_bar_is_one_output_that_ends_full():
    screen = Screen()
    with bar_in_cell(3, "fits", screen.display) as advance:
        for name in ("<ridge>", "tree", "tree"):
            advance(name)
    assert screen.outputs == 1
    assert screen.shown[0]["text/plain"].startswith("1/3 fits: <ridge>, ")
    assert "&lt;ridge&gt;" in screen.shown[0]["text/html"]
    assert 'value="3" max="3"' in screen.shown[-1]["text/html"]
    assert screen.shown[-1]["text/plain"].startswith("3/3 fits, ")


def test_fast_steps_are_not_all_shown():
    screen = Screen()
    with bar_in_cell(1000, "fits", screen.display) as advance:
        for _ in range(1000):
            advance("tree")
    assert len(screen.shown) < 50


def test_a_bar_without_steps_shows_nothing():
    screen = Screen()
    with bar_in_cell(0, "fits", screen.display):
        pass
    assert screen.shown == []


def test_notes_stay_and_the_bar_goes():
    screen = Screen()
    status = CellStatus(screen.display)
    status(ProgressEvent(kind="note", text="<b> is left out"))
    status(ProgressEvent(kind="members", members=("linear",), n_splits=2))
    status(ProgressEvent(kind="finish", member="linear", splits=(0,)))
    status(ProgressEvent(kind="note", text="still at work"))
    assert screen.shown[-1]["text/plain"] == "<b> is left out\nstill at work\n1/2 "
    status.close()
    assert screen.outputs == 1
    assert screen.shown[-1] == {
        "text/plain": "<b> is left out\nstill at work",
        "text/html": "<p>&lt;b&gt; is left out</p><p>still at work</p>",
    }
