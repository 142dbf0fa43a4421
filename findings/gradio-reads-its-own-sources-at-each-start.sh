#!/usr/bin/env bash
# "import gradio" parses the sources of its components and writes stubs into its own installation, at each start.
#
# A metaclass gives every component class a .pyi beside its module: at each import it reads the module, parses it with ast,
# builds the stub's text and compares it with the file; one that is missing or differs is written into site-packages, by
# whoever runs the program. So the import takes a good deal longer than its modules, and an installation that is checked
# file by file is changed by its use.
# The guess before it was run: stubs are made when the package is built; importing reads bytecode and writes nothing else.
# Seen with Gradio 6.31.0.
#
# What we do: Gradio is imported by the page alone, after the command's own checks; nothing of ours reads its stubs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check gradio==6.31.0
cat > "$work/first.py" <<'PYTHON'
import ast
import sys
import time
from pathlib import Path

began, parsed, spent = time.perf_counter(), 0, 0.0
parse, segment = ast.parse, ast.get_source_segment


def timed(function):
    def call(*arguments, **options):
        global parsed, spent
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent += time.perf_counter() - start
            parsed += 1

    return call


ast.parse, ast.get_source_segment = timed(parse), timed(segment)
import gradio  # noqa: E402

took = time.perf_counter() - began
stubs = {path: path.stat().st_mtime_ns for path in Path(gradio.__file__).parent.rglob("*.pyi")}
print(f"{len(stubs)} stubs; {parsed} calls of ast took {spent:.1f} of the import's {took:.1f} s")
sys.exit(0 if parsed > 100 else 3)
PYTHON
python=$work/venv/bin/python
"$python" "$work/first.py" > "$work/once" || true # its bytecode is compiled now
"$python" "$work/first.py" || { echo "the behaviour has changed: sources are not parsed at import"; exit 1; }
stub=$("$python" -c 'import gradio.components.image as module; print(module.__file__[:-3] + ".pyi")')
rm -f "$stub"
"$python" -c 'import gradio; print("Gradio", gradio.__version__)'
[ -s "$stub" ] || { echo "the behaviour has changed: no stub is written at import"; exit 1; }
echo "a stub that was deleted, ${stub##*/site-packages/}, is there again after an import"
