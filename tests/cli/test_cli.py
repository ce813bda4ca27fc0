"""The frame around all commands: help, errors, exit codes, processes."""

import os
import pty
import re
import resource
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import stackit
from stackit.cli import app, main
from stackit.cli import demo as demo_module
from stackit.cli.errors import ExitCode
from tests.cli.calls import ENTRY, ROOT, call, run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            RuntimeError("two\nlines"),
            1,
            "stackit: RuntimeError: two lines (stackit --debug demo shows where)\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_unexpected_errors_take_one_line_too(tmp_path, monkeypatch, error, code, line):
    def fail(seed):
        raise error

    monkeypatch.setattr(demo_module, "_problem", fail)
    result = call("demo", "--output", tmp_path)
    assert (result.exit_code, result.stderr, result.stdout) == (code, line, "")


@pytest.mark.parametrize(
    "debug", [{"arguments": ["--debug"], "env": {}}, {"arguments": [], "env": {"STACKIT_DEBUG": "1"}}]
)
def test_debug_shows_the_traceback(debug):
    result = CliRunner().invoke(
        app, [*debug["arguments"], "folds", "none.csv", "--target", "y"], env=debug["env"]
    )
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert "CommandError: TABLE must be a file that exists" in result.stderr


def test_version_and_help_and_wrong_commands():
    assert call("--version").stdout == f"stackit {stackit.__version__}\n"
    assert call().stdout == call("--help").stdout
    assert "stackit run train.csv test.csv --target Survived" in call("--help").stdout
    wrong = call("flods")
    assert wrong.exit_code == ExitCode.USAGE
    assert wrong.stderr == "stackit: No such command 'flods'. Did you mean 'folds'? (see stackit --help)\n"


def test_help_leads_with_an_example():
    commands = ["run", "predict", "submit", "report", "list", "compare", "blend", "folds", "demo"]
    for command in ([], *([name] for name in commands)):
        lines = call(*command, "-h").stdout.splitlines()
        assert lines == call(*command, "--help").stdout.splitlines()
        example = next(number for number, line in enumerate(lines) if line.strip().startswith("$ stackit"))
        assert example < next(
            number for number, line in enumerate(lines) if "Options" in line and "─" in line
        )


def test_help_shows_no_type_of_flags_and_leaves_line_ends_to_the_terminal():
    for command in ([], ["run"], ["submit"]):
        assert "<bool>" not in call(*command, "-h").stdout
    helps = [each.help for each in (*app.registered_commands, app.registered_callback)]
    assert len(helps) == 10
    assert not [text for text in helps if "\n" in text.replace("\n\n", "")]


def test_main_is_the_console_entry(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stackit", "folds", "none.csv", "--target", "y"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("stackit: TABLE must be a file that exists")


# Real processes


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "-h"], ["--version"], ["run", "x.csv", "--target", "y"]]
)
def test_help_and_wrong_usage_load_nothing_heavy(arguments):
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {ENTRY[-1]}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert "typer" in loaded
    heavy = {"torch", "xgboost", "matplotlib", "sklearn", "pandas", "numpy", "scipy", "joblib"}
    assert not heavy & set(loaded)
    if arguments == ["--help"]:
        assert "pydantic" not in loaded  # typer loads it for options with a least value


@pytest.mark.bench
def test_help_takes_a_quarter_of_a_second():
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.25


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_output_that_is_closed_early_is_no_error(arguments):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [*ENTRY, *arguments], stdout=write_end, stderr=subprocess.PIPE, cwd=ROOT, text=True, check=False
    )
    os.close(write_end)
    assert (done.stderr, done.returncode in (1, ExitCode.PIPE_CLOSED)) == ("", True)


def test_results_for_a_reader_that_has_gone_are_no_error(table):
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [*ENTRY, "folds", str(table), "--target", "label", "--json", "-o", f"{table.parent}/folds.csv"]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, cwd=ROOT, text=True, check=False)
    os.close(write_end)
    assert done.returncode == ExitCode.PIPE_CLOSED
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(("environment", "has_colours"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_has_colours_unless_they_are_not_wanted(environment, has_colours):
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    code = "from stackit.cli.output import print_table; print_table(['a'], [[1]])"
    terminal = {"TERM": "xterm-256color", "COLUMNS": "40", **environment}
    done = subprocess.run([sys.executable, "-c", code], stdout=theirs, cwd=ROOT, env={**kept, **terminal})
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert ("\x1b[" in shown) == has_colours


@pytest.mark.parametrize("place", [0, 2, 4])
def test_debug_may_stand_anywhere(place):
    arguments = ["folds", "none.csv", "--target", "y"]
    result = call(*arguments[:place], "--debug", *arguments[place:])
    assert "CommandError: TABLE must be a file that exists" in result.stderr


def test_folds_run_as_a_process_without_colours(table):
    done = run("folds", table, "--target", "label", "-o", table.with_name("folds.csv"), NO_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert table.with_name("folds.csv").exists()
    assert (
        run("folds", table, "--target", "x", "-o", table.with_name("folds.csv")).returncode == ExitCode.USAGE
    )


def test_the_whole_demo_runs_as_a_process(tmp_path):
    done = run("demo", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30/30" in done.stderr
    assert "\x1b" not in done.stdout
    found = re.findall(r"^ (\S.*?)  +(\d[\d.]*) ", done.stdout, re.MULTILINE)
    scores = {name: float(loss) for name, loss in found}
    assert len(scores) == 8
    assert scores["stack"] < min(loss for name, loss in scores.items() if name != "stack")
