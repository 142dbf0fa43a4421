"""A library that crashes at a client's file: that client is told, and the service goes on with the others'."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from support import crashing
from support.service import post
from support.videos import VideoRecipe, make_video

from colorize.batch import FileOptions, isolation
from colorize.web.previews import write_preview
from colorize.web.requests import ColorizeRequest
from colorize.web.service import ColorizeService
from colorize.web.settings import WebSettings

LINE = "a library crashed while it was read (SIGSEGV)"


@pytest.fixture(autouse=True)
def crashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let decoders crash at files that have a mark in their names."""
    monkeypatch.setattr(isolation, "configure_process", crashing.with_crashing_readers)
    monkeypatch.setattr(isolation, "_load", crashing.with_crashing_films)


def test_photos(make_client) -> None:
    client = make_client()
    file = io.BytesIO()
    Image.new("L", (40, 30), 90).save(file, "PNG")
    for name, status in (("a.png", 200), (f"{crashing.MARK}.png", 422), ("b.png", 200), (f"{crashing.MARK}.png", 422)):
        answer = post(client, file.getvalue(), name)
        assert answer.status_code == status
        if status == 422:
            assert answer.json()["detail"].startswith(f"{name}: {LINE}")


def test_films_and_previews(weights_file: Path, tmp_path: Path) -> None:
    service = ColorizeService(WebSettings(weights=str(weights_file), threads=1))
    request = ColorizeRequest(str(weights_file), options=FileOptions())
    outcomes = []
    try:
        for name in ("a.mp4", f"{crashing.MARK}.mp4", "b.mp4"):
            job = service.jobs.new("film")
            source = make_video(job.upload_path(name), VideoRecipe(frames=6, size=(48, 64)))
            service.submit_video(job, source, request)
            outcomes.append(job.future.result(120))
        assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
        assert outcomes[1].message.startswith(f"{crashing.MARK}.mp4: {LINE}")
        bad, good = tmp_path / f"{crashing.MARK}.png", tmp_path / "good.png"
        for path in (bad, good):
            Image.new("L", (40, 30), 90).save(path)
        with pytest.raises(ValueError, match=f"{crashing.MARK}.png: a library crashed"):
            write_preview(service, bad, tmp_path / "bad.jpg")
        assert not (tmp_path / "bad.jpg").exists()
        assert write_preview(service, good, tmp_path / "good.jpg").exists()
    finally:
        service.close()
