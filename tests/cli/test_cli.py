"""The frame around all commands: help, errors, exit codes, processes."""

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
    assert "stackit folds train.csv --target Survived" in call("--help").stdout
    wrong = call("flods")
    assert wrong.exit_code == ExitCode.USAGE
    assert wrong.stderr == "stackit: No such command 'flods'. Did you mean 'folds'? (see stackit --help)\n"


def test_help_leads_with_an_example():
    for command in ([], ["folds"], ["demo"]):
        lines = call(*command, "--help").stdout.splitlines()
        example = next(number for number, line in enumerate(lines) if line.strip().startswith("$ stackit"))
        assert example < next(
            number for number, line in enumerate(lines) if "Options" in line and "─" in line
        )


def test_main_is_the_console_entry(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stackit", "folds", "none.csv", "--target", "y"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("stackit: TABLE must be a file that exists")


# Real processes


@pytest.mark.parametrize(
    "arguments", [["--help"], ["folds", "--help"], ["--version"], ["folds", "x.csv", "--target", "y"]]
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


@pytest.mark.bench
def test_help_comes_in_a_third_of_the_time_that_scikit_learn_takes_to_import():
    code = (
        "import subprocess, sys, time\n"
        "def best(*command):\n"
        "    times = []\n"
        "    for _ in range(3):\n"
        "        start = time.perf_counter()\n"
        "        subprocess.run([sys.executable, '-c', *command], check=True, capture_output=True)\n"
        "        times.append(time.perf_counter() - start)\n"
        "    return min(times)\n"
        "print(best('from stackit.cli import main; main()', '--help') / best('import sklearn'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert float(done.stdout) < 1 / 3


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
    scores = {
        line.split("│")[1].strip(): float(line.split("│")[2])
        for line in done.stdout.splitlines()
        if line.startswith("│")
    }
    assert scores["stack"] < min(loss for name, loss in scores.items() if name != "stack")
