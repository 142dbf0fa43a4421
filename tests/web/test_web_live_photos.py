"""Photos in memory for the easel: looked at once, as the colorizer colours them, bounded, and gone with their files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.engine import Colorizer, ColorSettings, Hint
from colorize.network import Network
from colorize.web import WebSettings
from colorize.web.file_store import FileStore
from colorize.web.live_photos import MAX_PHOTOS, LivePhotos
from colorize.web.requests import ColorizeRequest
from colorize.web.service import ColorizeService

REQUEST = ColorizeRequest("small", ColorSettings(render_size=64))


@pytest.fixture
def service(small_network: Network):
    service = ColorizeService(WebSettings(weights="small"), Colorizer(small_network, render_size=64))
    yield service
    service.close()


@pytest.fixture
def live(service: ColorizeService, tmp_path: Path) -> LivePhotos:
    return LivePhotos(service, FileStore(tmp_path / "store", 60))


def test_a_photo_is_drawn_as_the_colorizer_colours_it(live: LivePhotos, grey_photo, small_network: Network) -> None:
    hints = [Hint(60, 45, "#c02020", 8)]
    with Image.open(live.draw(grey_photo, REQUEST, hints)) as drawn, Image.open(grey_photo) as grey:
        exact = Colorizer(small_network, render_size=64)(np.asarray(grey), hints)
        coded = io.BytesIO()
        Image.fromarray(exact).save(coded, "JPEG", quality=90, subsampling=0)
        assert np.abs(np.asarray(drawn).astype(int) - np.asarray(Image.open(coded))).mean() < 1
    with pytest.raises(ValueError, match="500,5 lies outside"):
        live.draw(grey_photo, REQUEST, [Hint(500, 5, "#c02020")])


def test_a_photo_is_looked_at_once_until_others_or_its_files_end_need_its_room(live: LivePhotos, grey_photo) -> None:
    first = live.find(grey_photo, REQUEST)
    assert live.find(grey_photo, REQUEST) is first
    assert live.find(grey_photo, ColorizeRequest("small", ColorSettings(render_size=32))) is not first
    for number in range(MAX_PHOTOS):
        copy = grey_photo.with_name(f"{number}.jpg")
        copy.write_bytes(grey_photo.read_bytes())
        live.find(copy, REQUEST)
    assert live.find(grey_photo, REQUEST) is not first
    found = live.find(copy, REQUEST)
    copy.unlink()
    live.sweep()
    with pytest.raises(OSError, match=copy.name):
        live.find(copy, REQUEST)
    assert found.size == (90, 120)
