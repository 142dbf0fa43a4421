"""The command ``colorize-web``: usage errors, reasons why it cannot start, and a real start and end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from colorize.cli import make_options, option_table
from colorize.cli.reference import insert_tables
from colorize.web import WebSettings, main
from colorize.web.command import build_parser

COMMAND = [sys.executable, "-c", "import sys; from colorize.web import main; sys.exit(main())"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "70000"], "--port 70000 is not within 0..65535"),
        (["--max-upload-mb", "0"], "--max-upload-mb 0 is not within"),
        (["--max-queue", "0"], "--max-queue 0 is not within"),
        (["--auth", "me"], "--auth: not USER:PASSWORD"),
        (["--auth", ":x"], "--auth: not USER:PASSWORD"),
        (["--root-path", "colorize"], "--root-path: colorize does not begin with /"),
        (["photo.jpg"], "unrecognized arguments: photo.jpg"),
    ],
)
def test_usage_errors(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    error = capsys.readouterr().err
    assert caught.value.code == 2 and message in error and error.count("\n") == 1


def test_the_server_document_holds_every_option():
    text = (Path(__file__).parents[2] / "docs" / "server.md").read_text("utf-8")
    table = option_table(make_options(WebSettings))
    assert insert_tables(text, table) == text, "run: python -m colorize.web.reference docs/server.md"
    options = set(re.findall(r"--[a-z][a-z-]+", build_parser().format_help())) - {"--help", "--version"}
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == options


def test_port_in_use(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert main(["--port", str(other.getsockname()[1])]) == 1
    error = capsys.readouterr().err
    assert "in use" in error and "choose another" in error and error.count("\n") == 1


def test_unknown_weights(capsys):
    assert main(["--port", "0", "--weights", "nobody"]) == 1
    assert "nobody: neither a weights file nor a released name" in capsys.readouterr().err


def test_without_the_extra():
    """A user who has only the core gets the remedy, not a traceback."""
    code = "import sys; sys.modules['uvicorn'] = None; from colorize.web.command import main; sys.exit(main([]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1 and "uvicorn" in run.stderr and "pip install" in run.stderr


def test_help_imports_nothing_heavy():
    code = """
import sys
from colorize.web.command import main
try:
    main(["--help"])
except SystemExit:
    pass
print("torch" in sys.modules or "gradio" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.rstrip().endswith("False")


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_starts_answers_and_ends(weights_file, tmp_path, end):
    """Ctrl-C ends it, and so does what docker and systemd send; its private folder goes with it."""
    environment = {"PATH": "", "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    arguments = ["--port", "0", "--weights", str(weights_file), "--device", "cpu"]
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, env=environment)
    try:
        lines = iter(process.stderr.readline, "")  # the first names the graph of the test's own network
        address = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines))).group()
        with urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:
            assert b'"ok"' in answer.read()
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"<html" in answer.read()
        assert [path.stat().st_mode & 0o077 for path in Path(tmp_path).glob("colorize-web-*")] == [0]
        process.send_signal(end)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
    assert not list(tmp_path.glob("colorize-web-*"))
