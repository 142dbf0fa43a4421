"""The page without a browser: what gradio_client gets, what the server refuses, the command lines."""

from __future__ import annotations

import io
import os
import shlex
import time
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from made_films import FilmRecipe, make_film
from made_page import serve_page
from PIL import Image

from colorize.film_options import FilmOptions
from colorize.images import read_photo
from colorize.marks import Mark
from colorize.options import build_parser, check
from colorize.temporal import TemporalOptions
from colorize.web.commands import film_command, photo_command
from colorize.web.desk import Shelf
from colorize.web.display import write_marked, write_sheet
from colorize.web.mark_controls import hex_color
from colorize.web.settings import Look, WebSettings
from colorize.web.studio import FilmWish, PhotoWish

META = {"_type": "gradio.FileData"}
LOOK = Look("stable")


@pytest.fixture(scope="module")
def page(small_generator):
    with serve_page(small_generator) as page:
        yield page


@pytest.fixture
def client(page, tmp_path):
    """A gradio_client that keeps what it downloads in the test's folder."""
    client = Client(page[0], download_files=str(tmp_path / "downloads"), verbose=False, analytics_enabled=False)
    yield client
    client.close()


def chroma(path: str | Path) -> float:
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return float((picture.max(axis=-1) - picture.min(axis=-1)).mean())


def call(url: str, name: str, data: list) -> str:
    """Return what Gradio's own HTTP interface answers to a call."""
    event = httpx.post(f"{url}gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    return httpx.get(f"{url}gradio_api/call/{name}/{event}", timeout=60).text


class TestPhoto:
    def test_comes_back_in_its_own_format_with_what_belongs_to_it(self, client, tmp_path, scene):
        path = tmp_path / "aunt.tif"
        exif = Image.Exif()
        exif[0x010E] = "aunt"  # ImageDescription
        Image.fromarray(scene.astype(np.uint16) * 257).save(path, exif=exif, dpi=(300, 300))
        pair, file, said, command = client.predict(handle_file(str(path)), api_name="/colorize")
        result = read_photo(file)
        assert Path(file).name == "aunt_colorized.tif" and result.picture.dtype == np.uint16
        assert result.dpi == (300, 300) and b"aunt" in (result.exif or b"")
        assert "aunt_colorized.tif" in said and command == "colorize aunt.tif --weights small"
        before, after = (Image.open(part) for part in pair)  # what a browser can show of it
        assert before.format == after.format == "JPEG" and before.size == after.size == scene.shape[::-1]
        assert chroma(pair[0]) < 1 < 5 < chroma(pair[1])

    def test_a_mark_colours_its_place(self, client, grey_photo):
        _, file, _, command = client.predict(handle_file(str(grey_photo)), "60,45,#1030e0\n", api_name="/colorize")
        red, _, blue = np.asarray(Image.open(file)).astype(int)[43:48, 58:63].mean(axis=(0, 1))
        assert blue > red + 30
        assert "--mark '60,45,#1030e0'" in command

    def test_settings_arrive(self, client, grey_photo):
        _, file, *_ = client.predict(handle_file(str(grey_photo)), saturation=0, api_name="/colorize")
        assert chroma(file) < 1

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"marks": "600,45,#1030e0"}, "outside the photo"),
            ({"marks": "here"}, "x,y,#rrggbb"),
            ({"weights": "/etc/passwd"}, "no such weights here"),
            ({"strength": 7}, "strength"),
            ({"saturation": "much"}, "are numbers"),
        ],
    )
    def test_a_wrong_wish_is_an_error_in_words(self, client, grey_photo, fields, words):
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(str(grey_photo)), **fields, api_name="/colorize")

    def test_broken_files_and_films_are_errors_that_name_them(self, client, tmp_path):
        for name, words in (("broken.jpg", "broken.jpg: .*not a picture"), ("film.mp4", "film.mp4: a film")):
            path = tmp_path / name
            path.write_bytes(b"nothing")
            with pytest.raises(AppError, match=words):
                client.predict(handle_file(str(path)), api_name="/colorize")

    def test_a_photo_in_colour_is_coloured_when_forced(self, client, tmp_path):
        path = tmp_path / "colour.png"
        y, x = np.mgrid[:64, :64] * 4
        Image.fromarray(np.dstack([y, 255 - x, x]).astype(np.uint8)).save(path)
        pair, file, said, _ = client.predict(handle_file(str(path)), api_name="/colorize")
        assert pair is None and file is None and "in colour already" in said
        _, file, _, command = client.predict(handle_file(str(path)), force=True, api_name="/colorize")
        assert file and "--force" in command

    def test_versions(self, client, grey_photo):
        fields = {"seed": 7, "api_name": "/colorize_versions"}
        pictures, files, _, command = client.predict(handle_file(str(grey_photo)), "60,45,#1030e0", **fields)
        assert [Path(file).name for file in files] == [f"photo_colorized_{number}.jpg" for number in (1, 2, 3, 4)]
        assert [entry["caption"] for entry in pictures] == [f"version {number}" for number in (1, 2, 3, 4)]
        arrays = [np.asarray(Image.open(file)).astype(int) for file in files]
        assert all(np.abs(arrays[0] - other).mean() > 0.5 for other in arrays[1:])
        assert command.endswith("--mark '60,45,#1030e0' --candidates 4 --seed 7")
        with pytest.raises(AppError, match="whole"):
            client.predict(handle_file(str(grey_photo)), seed="much", api_name="/colorize_versions")

    def test_no_job_stays(self, client, page, grey_photo):
        client.predict(handle_file(str(grey_photo)), api_name="/colorize")
        assert [path.name for path in page[1].jobs.folder.iterdir()] == ["page"]


class TestBatch:
    def test_a_bad_file_is_named_and_the_rest_go_on(self, client, tmp_path, scene):
        paths = []
        for folder in ("a", "b"):  # the same name twice
            (tmp_path / folder).mkdir()
            paths.append(tmp_path / folder / "aunt.png")
            Image.fromarray(scene).save(paths[-1])
        paths.insert(1, tmp_path / "broken.jpg")
        paths[1].write_bytes(b"nothing")
        pictures, archive, said, command = client.predict(
            [handle_file(str(p)) for p in paths], api_name="/colorize_many"
        )
        with zipfile.ZipFile(archive) as file:
            assert sorted(file.namelist()) == ["aunt_colorized (2).png", "aunt_colorized.png"]
            with Image.open(io.BytesIO(file.read("aunt_colorized.png"))) as image:
                assert image.size == scene.shape[::-1]
        assert [entry["caption"] for entry in pictures] == ["aunt.png", "aunt.png"]
        assert "2 of 3 photos coloured" in said and "broken.jpg: not a picture" in said
        assert command == "colorize aunt.png broken.jpg aunt.png --weights small -o coloured"

    def test_waits_while_the_queue_is_full(self, small_generator, tmp_path, scene, monkeypatch):
        monkeypatch.setattr("colorize.web.desk.RETRY_SECONDS", 0.05)
        path = tmp_path / "aunt.png"
        Image.fromarray(scene).save(path)
        with serve_page(small_generator, WebSettings(weights="small", max_queue=1)) as (url, studio):
            client = Client(url, download_files=str(tmp_path), verbose=False, analytics_enabled=False)
            *_, said, _ = client.predict([handle_file(str(path))] * 5, api_name="/colorize_many")
            client.close()
        assert "5 of 5 photos coloured" in said
        assert not studio.jobs.folder.exists()


class TestFilm:
    def test_sheet_and_film(self, client, tmp_path):
        film = make_film(tmp_path / "film.mkv", FilmRecipe(frames=20, sounds=["eng"]))
        sheet, _, command = client.predict(handle_file(str(film)), api_name="/preview_film")
        assert chroma(sheet) > 2 and command == "colorize film.mkv --weights small --preview 6"
        video, file, said, command = client.predict(handle_file(str(film)), end="0:00.5", api_name="/colorize_film")
        shown = video["video"] if isinstance(video, dict) else video
        assert Path(shown).read_bytes() == Path(file).read_bytes()  # nothing encodes it again
        assert Path(file).name == "film_colorized.mp4" in said
        assert command == "colorize film.mkv --weights small --end 0.5"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [({"start": "soon"}, "not a time"), ({"start": "9", "end": "3"}, "not after"), ({"steady": "very"}, "very")],
    )
    def test_a_wrong_wish_is_an_error_in_words(self, client, tmp_path, fields, words):
        film = make_film(tmp_path / "film.mp4", FilmRecipe(frames=4))
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(str(film)), **fields, api_name="/colorize_film")


class TestDoors:
    """Nothing but what was uploaded here is opened, fetched or given out."""

    @pytest.mark.parametrize("path", ["/etc/passwd", "SECRET", "SHELF/../../SECRET", "SHELF/link", "SHELF"])
    def test_paths_of_clients_are_not_opened(self, page, tmp_path, path):
        url, studio = page
        secret = tmp_path / "secret.jpg"
        Image.new("L", (64, 64), 90).save(secret)
        shelf = studio.jobs.folder / "page"
        link = shelf / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(secret)
        up = os.path.relpath(secret, shelf)
        path = path.replace("SHELF/../../SECRET", f"{shelf}/{up}").replace("SHELF", str(shelf))
        path = path.replace("SECRET", str(secret))
        file = {"path": path, "orig_name": "x.jpg", "meta": META}
        answers = [
            call(url, "colorize_versions", [file, "", "small", 1, 1, 0, False, 0]),
            call(url, "colorize", [file, "", "small", 1, 1, 0, False]),
            call(url, "colorize_many", [[file], "small", 1, 1, 0, False]),
            call(url, "preview_film", [file, "small", 1, 1, 0, "", "", False]),
            call(url, "colorize_film", [file, "small", 1, 1, 0, "", "", False, "fast"]),
        ]
        link.unlink()
        for answer in answers:
            assert answer.startswith("event: error") and "not uploaded here" in answer

    def test_addresses_are_not_fetched(self, page):
        url, _ = page
        asked = []
        for address in (f"{url}healthz", "https://example.com/x.jpg", "data:image/png;base64,AAAA"):
            for file in ({"path": address, "meta": META}, {"path": "", "url": address, "meta": META}):
                answer = call(url, "colorize", [file, "", "small", 1, 1, 0, False])
                asked.append(answer.startswith("event: error") and "not uploaded here" in answer)
        assert all(asked)

    @pytest.mark.parametrize(
        "route",
        [
            "gradio_api/file=/etc/passwd",
            "gradio_api/file=https://example.com/",
            "gradio_api/file%3Dhttps%3A//example.com/",
            "gradio_api/file//etc/passwd",
            "gradio_api/proxy=https://example.com/",
            "gradio_api/runs",
            "gradio_api/vibe-code",
            "gradio_api/openapi.json",
            "monitoring",
            "svelte/x",
            "login",
        ],
    )
    def test_other_routes_are_closed(self, page, route):
        assert httpx.get(page[0] + route).status_code == 404

    def test_functions_cannot_be_called_beside_the_queue(self, page):
        for route in ("run/colorize", "api/colorize", "component_server", "process_recording", "run-history/connect"):
            assert httpx.post(f"{page[0]}gradio_api/{route}", json={"data": []}).status_code == 404

    def test_the_api_holds_these_functions_alone(self, client):
        endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        films = {"/preview_film", "/colorize_film"}
        assert set(endpoints) == {"/colorize", "/colorize_versions", "/colorize_many"} | films

    def test_nothing_of_other_machines_is_loaded(self, page):
        config = httpx.get(f"{page[0]}config").json()
        for component in config["components"]:
            component.pop("example_inputs", None)  # words for programmers, which no browser loads
        found = [value for value in strings(config) if value.startswith(("http:", "https:", "//"))]
        assert [value for value in found if not value.startswith(page[0].rstrip("/"))] == []
        assert config["analytics_enabled"] is False
        assert "fonts.g" not in httpx.get(f"{page[0]}theme.css").text
        assert "url(http" not in httpx.get(f"{page[0]}theme.css").text


def strings(value: object):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


class TestShelf:
    def test_deletes_what_is_old_but_not_the_pages_own(self, tmp_path):
        shelf = Shelf(tmp_path / "shelf", keep_seconds=0.2)
        own = shelf.place("own.jpg")
        own.touch()
        shelf.freeze()
        guest = shelf.place("guest.jpg")
        guest.touch()
        shelf.sweep()
        assert guest.exists()
        time.sleep(0.3)
        shelf.sweep()  # files
        time.sleep(0.3)
        shelf.sweep()  # folders that became empty
        assert own.exists() and not guest.parent.exists()

    def test_owns_no_links_and_no_other_folders(self, tmp_path):
        shelf = Shelf(tmp_path / "shelf", 60)
        inside, outside = shelf.place("a.jpg"), tmp_path / "b.jpg"
        inside.touch()
        outside.touch()
        link = shelf.folder / "link.jpg"
        link.symlink_to(outside)
        assert shelf.owns(str(inside))
        for path in (outside, link, shelf.folder, shelf.folder / "none.jpg", shelf.folder / ".." / "b.jpg", "\0"):
            assert not shelf.owns(str(path))


class TestCommands:
    @pytest.mark.parametrize(
        ("wish", "command"),
        [
            (PhotoWish(LOOK), "colorize aunt.jpg"),
            (PhotoWish(Look("stable", 0.8, 1.25, 256), force=True), None),
            (PhotoWish(LOOK, candidates=4, seed=3), "colorize aunt.jpg --candidates 4 --seed 3"),
            (PhotoWish(LOOK, [Mark(1, 2.5, "#a0b0c0"), Mark(3, 4, "#000000", 7)]), None),
        ],
    )
    def test_of_photos_says_what_was_done(self, wish, command):
        text = photo_command(["aunt.jpg"], wish)
        options = parse(text)
        assert command in (None, text)
        assert (options.strength, options.saturation) == (wish.look.strength, wish.look.saturation)
        assert options.render_size == wish.look.render_size and options.force == wish.force
        assert [Mark.parse(mark) for mark in options.mark] == list(wish.marks)

    def test_names_survive_a_shell(self):
        names = ["-n.jpg", "it's $HOME; ls.jpg", "Ünï.png"]
        options = parse(photo_command(names, PhotoWish(LOOK), "out put"))
        assert options.photos == ["./-n.jpg", *names[1:]] and options.output == Path("out put")

    def test_of_films_says_what_was_done(self):
        options = FilmOptions(start=1.5, end=90, temporal=TemporalOptions("best"))
        given = parse(film_command("a.mkv", FilmWish(LOOK, options, force=True)))
        assert (given.start, given.end, given.temporal, given.force) == (1.5, 90, "best", True)
        assert parse(film_command("a.mkv", FilmWish(LOOK, options, preview=6))).preview == 6
        assert film_command("a.mkv", FilmWish(LOOK, FilmOptions())) == "colorize a.mkv"


def parse(command: str):
    words = shlex.split(command)
    assert words.pop(0) == "colorize"
    parser = build_parser()
    options = parser.parse_args(words)
    check(parser, options)
    return options


class TestDisplay:
    def test_a_click_is_a_place_of_the_photo(self, tmp_path):
        source = tmp_path / "wide.png"
        Image.new("L", (400, 100), 128).save(source)
        sheet = write_sheet(source, tmp_path / "sheet.jpg", longest=100)
        with Image.open(sheet.path) as image:
            assert image.size == (100, 25)
        assert sheet.locate(0, 0) == (2, 2) and sheet.locate(99, 24) == (398, 98)
        assert sheet.locate(5000, -3) == (399, 0)

    def test_marks_are_seen(self, tmp_path):
        source = tmp_path / "grey.png"
        Image.new("L", (200, 200), 128).save(source)
        sheet = write_sheet(source, tmp_path / "sheet.jpg")
        write_marked(sheet, [Mark(50, 150, "#d02020")], tmp_path / "marked.jpg")
        with Image.open(tmp_path / "marked.jpg") as image:
            red, green, _ = image.getpixel((50, 150))
            assert red > green + 100 and image.getpixel((150, 50)) == pytest.approx((128,) * 3, abs=3)

    def test_transparency_and_orientation(self, tmp_path):
        source = tmp_path / "turned.png"
        picture = np.zeros((40, 80, 2), np.uint8)  # black, transparent in its right half
        picture[:, :40, 1] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees
        Image.fromarray(picture, "LA").save(source, exif=exif)
        sheet = write_sheet(source, tmp_path / "sheet.jpg")
        with Image.open(sheet.path) as image:
            assert image.size == (40, 80) and sheet.size == (80, 40)
            values = np.asarray(image.convert("L"))
        assert values[:30].mean() < 5 and values[50:].mean() > 250


@pytest.mark.parametrize(
    ("said", "color"),
    [("#A0b1C2", "#a0b1c2"), ("#a0b1c2ff", "#a0b1c2"), ("#abc", "#aabbcc"), ("rgba(255, 12.6, 0, 0.5)", "#ff0d00")],
)
def test_colour_pickers_are_understood(said, color):
    assert hex_color(said) == color
