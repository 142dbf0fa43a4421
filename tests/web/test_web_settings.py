"""Settings as fields of a form and as controls of the page: a new one is there, is checked, and arrives."""

from __future__ import annotations

import asyncio
import inspect
from typing import Annotated

import gradio as gr
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from support.settings import Tinted

from colorize.batch import FileOptions, PhotoOptions
from colorize.engine import ColorSettings, Hint
from colorize.film import VideoOptions
from colorize.web.forms import form
from colorize.web.setting_controls import (
    AUTOMATIC,
    control_names,
    page_request,
    read_controls,
    setting_controls,
    takes_controls,
)


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()

    @app.post("/")
    async def answer(
        colors: Annotated[Tinted, Depends(form(Tinted))], photo: Annotated[PhotoOptions, Depends(form(PhotoOptions))]
    ) -> str:
        return f"{colors.tint:g} {colors.strength:g} {colors.render_size} {' '.join(map(str, photo.hints))}"

    return TestClient(app)


class TestForm:
    def test_a_new_setting_is_described(self, client):
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        (body,) = (schema for name, schema in schemas.items() if name.startswith("Body"))
        tint = body["properties"]["tint"]
        assert (tint["minimum"], tint["maximum"], tint["default"]) == (-10, 10, 0)
        assert "magenta" in tint["description"] and "units of a" in tint["description"]
        assert not {"overwrite", "batch_size", "candidates"} & set(body["properties"]), "of the command line alone"

    def test_it_arrives_with_the_others(self, client):
        hints = ["1,2.5,#a0b0c0", "3,4,#000000,7"]
        answer = client.post("/", data={"tint": "2.5", "render_size": "64", "hint": hints})
        assert answer.json() == f"2.5 1 64 {' '.join(hints)}"
        assert client.post("/").json() == "0 1 None "

    @pytest.mark.parametrize(
        ("name", "value"),
        [("tint", "11"), ("tint", "nan"), ("tint", "red"), ("format", "gif"), ("hint", "here"), ("square", "perhaps")],
    )
    def test_it_is_checked(self, client, name, value):
        answer = client.post("/", data={name: value})
        assert answer.status_code == 422 and (name in answer.text)


class TestControls:
    def test_a_new_setting_is_a_slider(self):
        with gr.Blocks():
            controls = dict(zip(control_names(Tinted), setting_controls(Tinted), strict=True))
        tint = controls["tint"]
        assert isinstance(tint, gr.Slider) and (tint.minimum, tint.maximum, tint.value) == (-10, 10, 0)
        assert tint.label == "Tint" and "magenta" in tint.info

    def test_it_is_read_and_checked(self):
        assert read_controls(Tinted, {"tint": "2.5", "strength": None, "other": 1}) == Tinted(tint=2.5)
        for value, words in ((11, r"tint 11 is not within"), ("red", "Tint.*not a number"), ([], "Tint")):
            with pytest.raises(gr.Error, match=words):
                read_controls(Tinted, {"tint": value})

    def test_it_is_a_parameter_of_the_events(self):
        class Tab:
            @takes_controls(Tinted, FileOptions)
            async def color(self, photo: str, *values: object) -> tuple:
                return photo, *values

        names = list(inspect.signature(Tab().color).parameters)
        assert names == ["photo", *control_names(Tinted), "force"] and "tint" in names
        assert asyncio.run(Tab().color("a", 1, 2)) == ("a", 1, 2)

    def test_every_default_stands_for_itself(self):
        for settings in (ColorSettings, VideoOptions, FileOptions, PhotoOptions):
            with gr.Blocks():
                values = [control.value for control in setting_controls(settings)]
            given = dict(zip(control_names(settings), values, strict=True))
            assert read_controls(settings, given) == settings()
        assert read_controls(ColorSettings, {"render_size": AUTOMATIC}).render_size is None

    def test_a_request_takes_all_of_them(self):
        classes = (ColorSettings, VideoOptions, FileOptions)
        values = dict.fromkeys(control_names(*classes))
        values |= {"saturation": 0.5, "start": "0:01.5", "temporal": "best", "force": True}
        request = page_request("small", classes, list(values.values()), preview=6)
        assert request.weights == "small" and request.colors == ColorSettings(saturation=0.5)
        video = VideoOptions(start=1.5, temporal="best")
        assert request.options == FileOptions(force=True, preview=6, video=video)
        photo = {"hints": [Hint(1, 2, "#000000")]}
        assert page_request("", (ColorSettings,), [None] * 3, photo=photo).options.photo == PhotoOptions(**photo)
