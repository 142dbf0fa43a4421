"""The HTTP service and its guard: requests with photos as a client sends them, with small random weights."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from PIL import Image
from support.service import folders, post

from colorize.base import CONTAINERS
from colorize.engine import Colorizer, Hint, write_hints
from colorize.web.responses import media_type


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

    def test_what_is_left_out_of_it_is_said_in_a_header(self, client, scene):
        file = io.BytesIO()
        pixels = np.dstack([scene, scene])
        tifffile.imwrite(file, pixels, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"])
        answer = post(client, file.getvalue(), "größe.tif")
        assert answer.status_code == 200
        (note,) = answer.headers.get_list("colorize-note")
        assert "größe.tif" in unquote(note) and "infrared" in note and "/" not in note

    def test_its_folder_is_gone_afterwards(self, client, photo):
        post(client, photo)
        assert folders(client) == []

    def test_fields_do_what_the_options_do(self, client, photo, small_network, scene):
        answer = post(client, photo, format="png", strength="0.5", saturation="1.5", render_size="96", ai_label="false")
        with Image.open(io.BytesIO(answer.content)) as image:
            got = np.asarray(image)
            assert image.format == "PNG" and 0x0131 not in image.getexif()
        with Image.open(io.BytesIO(photo)) as image:
            grey = np.asarray(image)
        made = Colorizer(small_network, render_size=96, strength=0.5, saturation=1.5)
        assert np.array_equal(got, made(grey))

    def test_a_hint_colours_its_place(self, client, photo):
        plain = np.asarray(Image.open(io.BytesIO(post(client, photo, format="png").content))).astype(int)
        answer = post(client, photo, format="png", hint=["60,45,#c02020,8", "10,80,#2040c0,8"])
        hinted = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
        assert not np.array_equal(plain, hinted)
        red = hinted[45, 60, 0] - hinted[45, 60, 2] - (plain[45, 60, 0] - plain[45, 60, 2])
        blue = hinted[80, 10, 0] - hinted[80, 10, 2] - (plain[80, 10, 0] - plain[80, 10, 2])
        assert red > 0 > blue

    def test_a_file_of_hints_does_what_its_hints_do(self, client, photo, tmp_path, scene):
        hints = [Hint(60, 45, "#c02020", 8), Hint(10, 80, "#2040c0", 8)]
        write_hints(tmp_path / "x.hints.json", hints, scene.shape)
        one_by_one = post(client, photo, format="png", hint=[str(hint) for hint in hints])
        files = {"photo": ("aunt.jpg", photo), "hints": ("x.hints.json", (tmp_path / "x.hints.json").read_bytes())}
        assert client.post("/v1/colorize", files=files, data={"format": "png"}).content == one_by_one.content
        files["hints"] = ("../x.hints.json", b"{}")
        answer = client.post("/v1/colorize", files=files)
        assert answer.status_code == 422 and answer.json()["detail"].startswith("aunt.jpg: x.hints.json: not a file")
        assert folders(client) == []

    def test_references_lend_their_colours_or_are_named(self, client, photo, scene):
        def file(picture):
            data = io.BytesIO()
            Image.fromarray(picture).save(data, "PNG")
            return data.getvalue()

        def send(*references):
            files = [("photo", ("aunt.jpg", photo)), *(("reference", ("look.png", each)) for each in references)]
            return client.post("/v1/colorize", files=files, data={"format": "png", "reference_strength": "1"})

        stripes = np.where(np.arange(120)[:, None] // 15 % 2, (0.4, 1, 0.3), (0.8, 1, 0.5))
        green = file((scene[..., None] * stripes).astype(np.uint8))
        plain, lent = (np.asarray(Image.open(io.BytesIO(each.content))).astype(int) for each in (send(), send(green)))
        greener = (lent - plain)[..., 1] - (lent - plain)[..., ::2].mean(axis=2)
        assert greener.mean() > 5
        answer = send(green, file(scene))
        assert answer.status_code == 422 and answer.json()["detail"].startswith("aunt.jpg: look.png: ")
        assert folders(client) == []

    def test_sixteen_bits_stay(self, client, scene):
        file = io.BytesIO()
        Image.fromarray(scene.astype(np.uint16) * 257).save(file, "PNG")
        answer = post(client, file.getvalue(), "sixteen_bit.png")
        assert answer.status_code == 200
        assert answer.content[24] == 16, "the PNG header's bit depth"

    def test_in_colour_already(self, client):
        file = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(noise).resize((90, 60)).save(file, "PNG")
        answer = post(client, file.getvalue(), "party.png")
        assert answer.status_code == 422
        assert "party.png" in answer.json()["detail"] and "--force" in answer.json()["detail"]
        assert post(client, file.getvalue(), "party.png", force="true").status_code == 200

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg: not a picture"),
            ("a.jpg", b"<!doctype html><script>alert(1)</script>", "a.jpg: not a picture"),
            ("empty.png", b"", "empty.png: an empty file"),
            ("film.mp4", b"x", "film.mp4: a film by its name; send it to /v1/videos"),
            ("../../../../etc/passwd", b"root", "passwd: not a picture"),
        ],
    )
    def test_bad_files(self, client, photo, name, content, message):
        answer = post(client, content, name)
        assert answer.status_code == 422 and message in answer.json()["detail"]
        assert str(client.service.jobs.folder) not in answer.text
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
            ("hint", "1,2,red"),
            ("hint", "5000,2,#ff0000"),
            ("weights", "/etc/passwd"),
            ("weights", "nobody"),
        ],
    )
    def test_bad_fields(self, client, photo, field, value):
        answer = post(client, photo, **{field: value})
        detail = answer.json()["detail"]
        assert answer.status_code == 422 and "\n" not in detail and len(detail) < 300
        assert value in detail or field in detail

    def test_a_text_where_a_file_is_expected(self, client):
        answer = client.post("/v1/colorize", data={"photo": "aunt.jpg"})
        assert answer.status_code == 422
        assert (
            answer.json()["detail"] == "photo: a text where a file is expected; curl sends a file with -F photo=@FILE"
        )

    def test_no_photo_at_all(self, client):
        answer = client.post("/v1/colorize", data={"strength": "1"})
        assert answer.status_code == 422 and "photo" in answer.json()["detail"]


class TestGuard:
    def test_stranger_names_are_refused(self, client):
        answer = client.get("/healthz", headers={"host": "rebound.example:7860"})
        assert answer.status_code == 421 and "--allow-host rebound.example" in answer.json()["detail"]

    def test_pages_of_strangers_are_refused(self, client):
        assert client.get("/healthz", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.get("/healthz", headers={"origin": "http://localhost:7860"}).status_code == 200

    @pytest.mark.parametrize(
        ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), (None, 200)]
    )
    def test_pages_that_hide_their_origin(self, client, photo, site, status):
        headers = {"origin": "null"} | ({"sec-fetch-site": site} if site else {})
        answer = client.post("/v1/colorize", files={"photo": ("aunt.jpg", photo)}, headers=headers)
        assert answer.status_code == status

    @pytest.mark.parametrize(
        "name", ["x-forwarded-host", "x-forwarded-for", "x-real-ip", "forwarded", "x-original-host"]
    )
    def test_headers_of_a_proxy_open_nothing(self, client, make_client, name):
        value = "host=localhost;for=127.0.0.1" if name == "forwarded" else "localhost"
        assert client.get("/healthz", headers={"host": "rebound.example", name: value}).status_code == 421
        assert make_client(auth=("me", "secret")).get("/v1/weights", headers={name: value}).status_code == 401

    def test_passwords_are_compared_by_nothing_but_a_comparison_of_constant_time(self, make_client, monkeypatch):
        client = make_client(auth=("me", "secret"))
        wrong = {"authorization": "Basic " + base64.b64encode(b"me:other").decode()}
        assert client.get("/v1/weights", headers=wrong).status_code == 401
        monkeypatch.setattr("hmac.compare_digest", lambda *_: True)
        assert client.get("/v1/weights", headers=wrong).status_code == 200

    def test_password(self, make_client, photo):
        client = make_client(auth=("me", "sésame:1"))

        def authorization(text: str) -> dict[str, str]:
            return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

        assert client.get("/healthz").status_code == 200
        for path in ("/v1/weights", "/openapi.json", "/v1/videos/x"):
            answer = client.get(path)
            assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic")
            assert client.get(path, headers=authorization("me:wrong")).status_code == 401
            assert client.get(path, headers={"authorization": "Basic !!"}).status_code == 401
            assert client.get(path, headers=authorization("me:sésame:1")).status_code in (200, 404)
        assert post(client, photo).status_code == 401

    def test_answers_forbid_what_comes_from_elsewhere(self, client):
        headers = client.get("/healthz").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


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


def test_containers_are_those_of_the_library(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    (body,) = (schema for name, schema in schemas.items() if name.startswith("Body") and "videos" in name)
    assert {f".{name}" for name in body["properties"]["format"]["enum"]} == set(CONTAINERS)
    assert body["properties"]["format"]["default"] == "mp4"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("a.jpg", "image/jpeg"), ("a.TIF", "image/tiff"), ("a.heic", "image/heif")),
        *(("a.jfif", "image/jpeg"), ("a.jp2", "image/jp2"), ("a.jxl", "image/jxl")),
        *(
            ("a.mp4", "video/mp4"),
            ("a.mov", "video/quicktime"),
            ("a.mkv", "video/x-matroska"),
            ("a.webm", "video/webm"),
        ),
    ],
)
def test_results_say_what_they_are(name, expected):
    assert media_type(Path(name)) == expected


class TestFields:
    """Nothing that a client sends is dropped silently."""

    @pytest.mark.parametrize("path", ["/v1/colorize", "/v1/videos"])
    @pytest.mark.parametrize("field", ["colour", "batch_size", "candidates", "STRENGTH", "", "\u00e9\n"])
    def test_an_unknown_field_is_named_with_the_known_ones(self, client, photo, path, field):
        file = {"/v1/colorize": "photo", "/v1/videos": "video"}[path]
        answer = client.post(path, files={file: ("a.jpg", photo), field: (None, "1")})
        detail = answer.json()["detail"]
        assert answer.status_code == 422 and "\n" not in detail
        assert detail.startswith(f"{field}: ") or not field.isascii() or not field
        assert {"strength", "weights", "format", file} <= set(detail.partition("there are: ")[2].split(", "))
        assert folders(client) == []

    @pytest.mark.parametrize("path", ["/v1/colorize", "/v1/videos"])
    def test_the_document_says_so(self, client, path):
        document = client.get("/openapi.json").json()
        (content,) = document["paths"][path]["post"]["requestBody"]["content"].values()
        schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        assert schema["additionalProperties"] is False

    def test_a_field_that_is_given_twice(self, client, photo):
        answer = post(client, photo, strength=["0.5", "0.7"])
        assert answer.status_code == 422 and "strength" in answer.json()["detail"]
        files = [("photo", ("a.jpg", photo)), ("photo", ("b.jpg", photo))]
        answer = client.post("/v1/colorize", files=files)
        assert answer.status_code == 422 and "photo" in answer.json()["detail"]

    def test_a_field_in_the_address(self, client, photo):
        answer = client.post("/v1/colorize?strength=0.5", files={"photo": ("a.jpg", photo)})
        assert answer.status_code == 422 and "strength" in answer.json()["detail"]

    def test_a_wrong_value_is_named_as_the_field_is(self, client, photo):
        answer = post(client, photo, hint="1s:2,3,#aabbcc")
        assert answer.status_code == 422 and answer.json()["detail"].startswith("hint: 1s:2,3,#aabbcc says a time")

    def test_the_document_describes_a_photos_hint(self, client):
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        hint = schemas["Body_colorize_v1_colorize_post"]["properties"]["hint"]["description"]
        assert "x,y,#rrggbb[,radius]" in hint and "12.5s" not in hint and "film" not in hint


class TestErrors:
    """Errors are JSON in one line, whatever happened, and the document names all that can come."""

    def test_an_unexpected_error_is_json_too(self, make_client, photo, monkeypatch):
        client = make_client()
        monkeypatch.setattr(client.service, "submit_photo", lambda *_: 1 / 0)
        quiet = TestClient(client.app, base_url="http://localhost", raise_server_exceptions=False)
        answer = post(quiet, photo)
        assert answer.status_code == 500 and list(answer.json()) == ["detail"]
        assert "unexpected" in answer.json()["detail"] and "division" not in answer.text
        assert folders(client) == []

    def test_the_document_names_them(self, client):
        document = client.get("/openapi.json").json()
        answers = {
            path + " " + method: set(operation["responses"])
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }
        assert all(each >= {"403", "421", "500"} for each in answers.values())
        for path in ("/v1/colorize post", "/v1/videos post"):
            assert answers[path] >= {"400", "401", "408", "413", "422", "429", "499"}
        assert answers["/v1/videos/{id}/result get"] >= {"401", "404", "409"}
        assert "HTTPValidationError" not in str(document["paths"])
