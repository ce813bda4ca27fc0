"""The progress bar is shown on demand only."""

from stackit.progress.bar import progress_bar


def test_without_verbose_nothing_is_shown(capfd):
    with progress_bar(2, verbose=0) as advance:
        advance("ridge")
    assert capfd.readouterr() == ("", "")
