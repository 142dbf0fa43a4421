#!/usr/bin/env bash
# A field of a Gradio page that is left empty by a person is required of a program.
#
# The API of a page takes a parameter's default from the component's first value: a text or a picture that starts empty
# has none, so that clients have to pass it, and each new field of the page breaks the programs that called it before. A
# default of None in the function itself helps; what counts is the function's, not the component's, which a person sees.
# The guess before it was run: what may be left empty on the page may be left out by a program.
# Seen with Gradio 6.31.0.
#
# What we do: the functions behind our page's named routes have None as the default of each field that may be empty
# (colorize/web), and a test calls them with the photograph alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check gradio==6.31.0
GRADIO_ANALYTICS_ENABLED=False "$work/venv/bin/python" - <<'PYTHON'
import sys

import gradio as gr


def plain(picture, note, strength):
    return note


def with_defaults(picture, note=None, strength=1):
    return note


with gr.Blocks() as page:
    fields = [gr.Image(), gr.Textbox(), gr.Slider(0, 1, value=1)]
    shown = gr.Textbox()
    gr.Button().click(plain, fields, shown, api_name="plain")
    gr.Button().click(with_defaults, fields, shown, api_name="with_defaults")
routes = page.get_api_info()["named_endpoints"]
found = {
    name: [each["parameter_has_default"] for each in route["parameters"]] for name, route in sorted(routes.items())
}
print(f"Gradio {gr.__version__}: has each of picture, note and strength a default: {found}")
if found != {"/plain": [False, False, True], "/with_defaults": [False, True, True]}:
    sys.exit("the behaviour has changed: other parameters are required")
print("what starts empty is required, unless the function says None itself")
PYTHON
