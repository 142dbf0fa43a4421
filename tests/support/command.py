"""Running the command ``colorize`` in this process, and Python code in a new one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from colorize.cli import main

ROOT = Path(__file__).parents[2]


def run(capsys: pytest.CaptureFixture[str], weights: Path, *arguments: object) -> tuple[int, str, str]:
    """Run the command with a weights file in this process, on the CPU; return its exit status, stdout and stderr."""
    try:
        status = main(["--weights", str(weights), "--device", "cpu", *map(str, arguments)])
    except SystemExit as error:
        assert isinstance(error.code, int)
        status = error.code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, out, err


def in_new_process(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a new process with the project on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, **options)  # type: ignore[call-overload]


def said(stderr: str) -> str:
    """Return what a command said on stderr, without the line that names the graph of a test's own network."""
    return "".join(line for line in stderr.splitlines(keepends=True) if "did not come with the program" not in line)
