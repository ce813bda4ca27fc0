"""Commands in this process and as processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from stackit.cli import app

ROOT = Path(__file__).parent.parent.parent
ENTRY = [sys.executable, "-c", "from stackit.cli import main; main()"]


def call(*arguments, env=None, **extra):
    """Run a command in this process."""
    texts = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, texts, prog_name="stackit", env=env, **extra)


def run(*arguments, cwd=ROOT, **environment):
    """Run a command as a process of its own."""
    return subprocess.run(
        [*ENTRY, *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )
