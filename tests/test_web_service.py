"""The HTTP service and its guard, spoken to as a client would, with small random weights."""

from __future__ import annotations

import base64
import io
import time
from typing import get_args

import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_films import FilmRecipe, make_film
from PIL import Image

from colorize.colorizer import Colorizer
from colorize.containers import CODECS, CONTAINERS
from colorize.photo import FORMATS as PHOTO_FORMATS
from colorize.web.guard import Guard
from colorize.web.schema import CodecName, FilmFormat, PhotoFormat
from colorize.web.service import build_service
from colorize.web.settings import WebSettings
from colorize.web.studio import Studio

PATIENCE = 60  # seconds until a test gives up


@pytest.fixture(scope="module")
def make_client(small_generator):
    """Start services; all are closed at the end."""
    studios = []

    def make(**settings) -> TestClient:
        colorizer = Colorizer(small_generator, device="cpu", render_size=64)
        studio = Studio(WebSettings(weights="small", **settings), colorizer)
        studios.append(studio)
        client = TestClient(Guard(build_service(studio), studio.settings), base_url="http://localhost")
        client.studio = studio
        return client

    yield make
    for studio in studios:
        studio.close()


@pytest.fixture(scope="module")
def client(make_client):
    return make_client(max_upload_mb=3)


@pytest.fixture
def photo(scene) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "aunt"  # ImageDescription
    Image.fromarray(scene).save(file, "JPEG", quality=95, exif=exif, dpi=(300, 300))
    return file.getvalue()


def post(client, content: bytes, name: str = "aunt.jpg", **fields):
    return client.post("/v1/colorize", files={"photo": (name, content)}, data=fields)


def folders(client) -> list[str]:
    return [path.name for path in client.studio.jobs.folder.iterdir()]


def ended(client, location: str) -> dict:
    end = time.monotonic() + PATIENCE
    while (job := client.get(location).json())["status"] in ("waiting", "working"):
        assert time.monotonic() < end, job
        time.sleep(0.05)
    return job


class TestPhoto:
    def test_comes_back_in_colour_with_what_belongs_to_it(self, client, photo, scene):
        answer = post(client, photo)
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
        assert 'filename="aunt_colorized.jpg"' in answer.headers["content-disposition"]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == scene.shape[::-1]
            assert image.getexif()[0x010E] == "aunt" and image.info["dpi"] == (300, 300)
            assert "AI-colorized" in image.getexif()[0x0131]
            assert np.ptp(np.asarray(image).astype(int), axis=2).mean() > 3

    def test_its_folder_is_gone_afterwards(self, client, photo):
        post(client, photo)
        assert folders(client) == []

    def test_fields_do_what_the_options_do(self, client, photo, small_generator, scene):
        answer = post(client, photo, format="png", strength="0.5", saturation="1.5", render_size="96", note="false")
        with Image.open(io.BytesIO(answer.content)) as image:
            got = np.asarray(image)
            assert image.format == "PNG" and 0x0131 not in image.getexif()
        with Image.open(io.BytesIO(photo)) as image:
            grey = np.asarray(image)
        made = Colorizer(small_generator, device="cpu", render_size=96, strength=0.5, saturation=1.5)
        assert np.array_equal(got, made(grey))

    def test_a_mark_colours_its_place(self, client, photo):
        plain = np.asarray(Image.open(io.BytesIO(post(client, photo, format="png").content))).astype(int)
        answer = post(client, photo, format="png", mark=["60,45,#c02020,8", "10,80,#2040c0,8"])
        marked = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
        assert not np.array_equal(plain, marked)
        red = marked[45, 60, 0] - marked[45, 60, 2] - (plain[45, 60, 0] - plain[45, 60, 2])
        blue = marked[80, 10, 0] - marked[80, 10, 2] - (plain[80, 10, 0] - plain[80, 10, 2])
        assert red > 0 > blue

    def test_sixteen_bits_stay(self, client, scene):
        file = io.BytesIO()
        Image.fromarray(scene.astype(np.uint16) * 257).save(file, "PNG")
        answer = post(client, file.getvalue(), "deep.png")
        assert answer.status_code == 200
        assert answer.content[24] == 16, "the PNG header's bit depth"

    def test_in_colour_already(self, client):
        file = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(noise).resize((90, 60)).save(file, "PNG")
        answer = post(client, file.getvalue(), "party.png")
        assert answer.status_code == 422
        assert answer.json()["detail"] == "party.png: in colour already; --force colours it anew"
        assert post(client, file.getvalue(), "party.png", force="true").status_code == 200

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg: not a picture"),
            ("a.jpg", b"<!doctype html><script>alert(1)</script>", "a.jpg: not a picture"),
            ("empty.png", b"", "empty.png: an empty file"),
            ("film.mp4", b"x", "film.mp4: a film by its name; send it to /v1/videos"),
            ("../../../../etc/passwd", b"root", "passwd: not a picture"),
        ],
    )
    def test_bad_files(self, client, photo, name, content, says):
        answer = post(client, content, name)
        assert answer.status_code == 422 and says in answer.json()["detail"]
        assert str(client.studio.jobs.folder) not in answer.text
        assert folders(client) == []
        assert post(client, photo).status_code == 200, "the next request works"

    def test_cut_off(self, client, photo):
        answer = post(client, photo[: len(photo) // 2])
        assert answer.status_code == 422 and "aunt.jpg" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("strength", "1.5"),
            ("strength", "nan"),
            ("saturation", "-1"),
            ("render_size", "0"),
            ("format", "gif"),
            ("quality", "101"),
            ("mark", "1,2,red"),
            ("mark", "5000,2,#ff0000"),
            ("weights", "/etc/passwd"),
            ("weights", "nobody"),
        ],
    )
    def test_bad_fields(self, client, photo, field, value):
        answer = post(client, photo, **{field: value})
        detail = answer.json()["detail"]
        assert answer.status_code == 422 and "\n" not in detail and len(detail) < 300
        assert value in detail or field in detail

    def test_no_photo_at_all(self, client):
        answer = client.post("/v1/colorize", data={"strength": "1"})
        assert answer.status_code == 422 and "photo" in answer.json()["detail"]


class TestBombs:
    def test_more_pixels_than_allowed(self, client, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
        file = io.BytesIO()
        Image.new("L", (100, 100)).save(file, "PNG")
        answer = post(client, file.getvalue(), "bomb.png")
        assert answer.status_code == 422 and "million pixels" in answer.json()["detail"]

    def test_announced_upload_is_refused_at_once(self, client):
        answer = post(client, b"x" * 3_100_000)
        assert answer.status_code == 413 and "3 MB" in answer.json()["detail"]

    def test_upload_that_does_not_say_its_length(self, client):
        def body():
            yield b'--b\r\ncontent-disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
            for _ in range(40):
                yield b"x" * 100_000
            yield b"\r\n--b--\r\n"

        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = client.post("/v1/colorize", content=body(), headers=headers)
        assert answer.status_code == 413
        assert folders(client) == []

    def test_frames_larger_than_allowed(self, make_client, tmp_path):
        client = make_client(max_megapixels=0.001)
        path = tmp_path / "film.mp4"
        make_film(path, FilmRecipe(frames=2))
        answer = client.post("/v1/videos", files={"video": ("film.mp4", path.read_bytes())})
        job = ended(client, answer.headers["location"])
        assert job["status"] == "failed" and "megapixels" in job["message"]


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", FilmRecipe(frames=8)).read_bytes()


class TestFilms:
    def begin(self, client, film, name="film.mp4", **fields):
        return client.post("/v1/videos", files={"video": (name, film)}, data=fields)

    def test_from_begin_to_result(self, client, film, tmp_path):
        answer = self.begin(client, film)
        assert answer.status_code == 202
        location = answer.headers["location"]
        assert location == f"/v1/videos/{answer.json()['id']}"
        job = ended(client, location)
        assert (job["status"], job["done"], job["total"]) == ("done", 8, 8)
        result = client.get(job["result"])
        assert result.status_code == 200 and result.headers["content-type"] == "video/mp4"
        assert result.content[4:8] == b"ftyp"
        assert client.get(location).status_code == 404, "it is deleted once it was fetched"
        assert folders(client) == []

    def test_container_and_span(self, client, film):
        job = ended(client, self.begin(client, film, format="mkv", end="0.2").headers["location"])
        result = client.get(job["result"])
        assert result.headers["content-type"] == "video/x-matroska" and job["done"] < 8

    def test_a_film_under_any_name(self, client, film):
        job = ended(client, self.begin(client, film, "film").headers["location"])
        assert job["status"] == "done", job

    def test_not_a_film(self, client):
        job = ended(client, self.begin(client, b"hello", "notes.txt").headers["location"])
        assert job["status"] == "failed" and job["message"].startswith("notes.txt: not a film")
        assert not any(client.studio.jobs.find(job["id"]).folder.rglob("*.*")), "the upload is deleted"
        assert client.get(f"/v1/videos/{job['id']}/result").status_code == 409

    def test_cancel(self, client, film):
        location = self.begin(client, film).headers["location"]
        folder = client.studio.jobs.find(location.rpartition("/")[2]).folder
        assert client.delete(location).status_code == 204
        assert client.get(location).status_code == 404
        end = time.monotonic() + PATIENCE
        while folder.exists():
            assert time.monotonic() < end
            time.sleep(0.05)

    @pytest.mark.parametrize("path", ["", "/result"])
    def test_unknown(self, client, path):
        assert client.get(f"/v1/videos/nobody{path}").status_code == 404

    @pytest.mark.parametrize(
        "fields", [{"codec": "mpeg1"}, {"start": "5", "end": "4"}, {"temporal": "often"}, {"format": "avi"}]
    )
    def test_bad_fields(self, client, film, fields):
        answer = self.begin(client, film, **fields)
        assert answer.status_code == 422 and "\n" not in answer.json()["detail"]

    def test_codec_that_the_container_does_not_hold(self, client, film):
        job = ended(client, self.begin(client, film, codec="ffv1").headers["location"])
        assert job["status"] == "failed" and "does not hold ffv1" in job["message"]


class TestGuard:
    def test_stranger_names_are_refused(self, client):
        answer = client.get("/healthz", headers={"host": "rebound.example:7860"})
        assert answer.status_code == 421 and "--allow-host rebound.example" in answer.json()["detail"]

    def test_pages_of_strangers_are_refused(self, client):
        assert client.get("/healthz", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.get("/healthz", headers={"origin": "http://localhost:7860"}).status_code == 200

    def test_password(self, make_client, photo):
        client = make_client(auth=("me", "sésame:1"))

        def word(text: str) -> dict[str, str]:
            return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

        assert client.get("/healthz").status_code == 200
        for path in ("/v1/weights", "/openapi.json", "/v1/videos/x"):
            answer = client.get(path)
            assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic")
            assert client.get(path, headers=word("me:wrong")).status_code == 401
            assert client.get(path, headers={"authorization": "Basic !!"}).status_code == 401
            assert client.get(path, headers=word("me:sésame:1")).status_code in (200, 404)
        assert post(client, photo).status_code == 401

    def test_answers_forbid_what_comes_from_elsewhere(self, client):
        headers = client.get("/healthz").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


def test_full_queue(make_client, photo):
    client = make_client(max_queue=1)
    jobs = client.studio.jobs
    jobs._waiting = 1  # as if one waited
    answer = post(client, photo)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert "try again" in answer.json()["detail"]
    jobs._waiting = 0
    assert post(client, photo).status_code == 200


def test_weights_and_health(client):
    assert client.get("/v1/weights").json()["weights"][0] == "small"
    assert "stable" in client.get("/v1/weights").json()["weights"]
    health = client.get("/healthz").json()
    assert health["status"] == "ok" and health["waiting"] == 0


def test_document_names_every_route(client):
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/colorize",
        "/v1/videos",
        "/v1/videos/{id}",
        "/v1/videos/{id}/result",
        "/v1/weights",
        "/healthz",
    }


def test_choices_are_those_of_the_library():
    assert {f".{name}" for name in get_args(PhotoFormat)} <= set(PHOTO_FORMATS)
    assert {f".{name}" for name in get_args(FilmFormat)} == set(CONTAINERS)
    assert set(get_args(CodecName)) == set(CODECS)
