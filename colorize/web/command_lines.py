"""Command lines that do the same as a request of the page, ready for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from colorize.cli import command_options
from colorize.engine import RuntimeSettings
from colorize.web.requests import ColorizeRequest


def command_line(names: Sequence[str], request: ColorizeRequest, output: str | None = None) -> str:
    """Return the command line that colours photos, or a film, as a request does.

    Args:
        names: Names of their files.
        request: How they are coloured.
        output: Folder of the results; None: beside the files.
    """
    files = [f"./{name}" if name.startswith("-") else name for name in names]
    options, weights = request.options, RuntimeSettings(weights=request.weights)
    arguments = command_options(weights, request.colors, options.photo, options.video, options)
    return shlex.join(["colorize", *files, *arguments, *(["-o", output] if output else [])])
