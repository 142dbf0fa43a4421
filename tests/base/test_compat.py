"""What we change in other libraries, or reach into: it is still there, it still works, and it is still needed.

A test that fails because the library can do it by itself now says that our part can go.
"""

from __future__ import annotations

import inspect
import io
import os
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av import VideoCodecContext
from av.video.reformatter import Colorspace, Interpolation
from PIL import AvifImagePlugin, ExifTags, Image
from support.videos import VideoRecipe, join_pictures, make_video

from colorize import base
from colorize.base import (
    SWSCALE_BT2020,
    SWSCALE_EXACT,
    cpu_has_bfloat16,
    decode_avif_in_one_thread,
    random_init_skipped,
    read_codec_field_order,
    read_side_data,
    states_rate_of_copies,
    write_codec_field_order,
)


def test_pyavs_names_have_our_numbers() -> None:
    if not hasattr(Colorspace, "BT2020"):
        pytest.skip("PyAV 17 has no names for them")
    assert Colorspace.BT2020 == SWSCALE_BT2020
    exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    assert exact == SWSCALE_EXACT


def test_a_codecs_field_order_where_pyav_has_it() -> None:
    context = VideoCodecContext.create("libx264", "w")
    write_codec_field_order(context, 2)
    assert read_codec_field_order(context) == (2 if hasattr(context, "field_order") else 0)
    older = SimpleNamespace()
    write_codec_field_order(older, 2)
    assert (read_codec_field_order(older), vars(older)) == (0, {})


@pytest.mark.torch
def test_torch_tells_by_a_private_function_alone_whether_the_processor_has_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    assert not hasattr(torch.cpu, "is_bf16_supported"), "torch has a public function for it now"
    expected = bool(torch.cpu.get_capabilities().get("avx512_bf16")) if hasattr(torch.cpu, "get_capabilities") else None
    assert cpu_has_bfloat16() == expected or expected is None
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not cpu_has_bfloat16()


@pytest.mark.torch
def test_no_random_numbers_are_drawn_for_a_network_that_is_loaded() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    state = torch.get_rng_state()
    with random_init_skipped():
        network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 4, bias=False))
        nn.init.kaiming_normal_(network[0].weight)
    assert torch.equal(torch.get_rng_state(), state)
    nn.Conv2d(3, 4, 3)
    assert not torch.equal(torch.get_rng_state(), state), "torch draws none by itself now"


def test_pillow_decodes_avif_with_a_number_of_threads_of_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "max_threads" not in inspect.signature(Image.open).parameters, "Pillow takes a number of threads now"
    monkeypatch.setattr(AvifImagePlugin, "DEFAULT_MAX_THREADS", 0)
    decode_avif_in_one_thread()
    assert AvifImagePlugin.DEFAULT_MAX_THREADS == 1


def test_streams_that_are_added_from_a_template_state_their_rate_or_not(tmp_path: Path) -> None:
    with av.open(str(make_video(tmp_path / "a.mkv", VideoRecipe(frames=2)))) as source:
        target = av.open(str(tmp_path / "b.mov"), "w")
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        target.start_encoding()
        assert (stream.average_rate is not None) == states_rate_of_copies()
        target.close()


def test_pyav_answers_no_question_about_side_data_where_it_does_not_know_a_kind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    Image.new("L", (64, 48)).save(file, "JPEG", exif=exif)
    with av.open(str(join_pictures(tmp_path / "a.avi", [file.getvalue()]))) as video:
        frame = next(video.decode(video=0))
    with pytest.raises(ValueError, match="is not a valid Type"):
        frame.side_data.get("DISPLAYMATRIX")
    data = read_side_data(frame, "DISPLAYMATRIX")
    assert data is not None
    assert np.frombuffer(data, np.int32)[:2].tolist() == [0, 1 << 16]
    assert read_side_data(frame, "A53_CC") is None


def test_fastai_still_calls_what_the_training_overrides() -> None:
    progress = pytest.importorskip("fastai.callback.progress")
    assert list(inspect.signature(progress.CSVLogger._write_line).parameters) == ["self", "log"]
    assert "self._write_line" in inspect.getsource(progress.CSVLogger.before_fit)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux says how threads are scheduled")
def test_svt_av1_takes_the_highest_priority_where_it_may_and_gives_it_back(tmp_path: Path) -> None:
    def policies() -> set[int]:
        return {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}

    before = policies()
    with av.open(str(tmp_path / "a.mkv"), "w") as film:
        stream = film.add_stream("libsvtav1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        with base.scheduling_kept():
            film.start_encoding()
            inside = policies()
        assert policies() == before
        film.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        film.mux(stream.encode(None))
        assert policies() == before
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return  # then SVT-AV1 may not either
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    assert os.SCHED_FIFO in inside


def test_every_function_says_when_it_can_go() -> None:
    from colorize.base import compat

    functions = [inspect.unwrap(value) for value in vars(compat).values() if inspect.isfunction(value)]
    functions = [function for function in functions if function.__module__ == compat.__name__]
    assert len(functions) >= 7
    for function in functions:
        assert "Goes " in (function.__doc__ or ""), function.__name__
        assert hasattr(base, function.__name__), "it is on the wing's face"
