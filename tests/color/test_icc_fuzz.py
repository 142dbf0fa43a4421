"""Profiles of any bytes: a colour space, a picture, or an error that says so; never anything else, and soon."""

from __future__ import annotations

import struct
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.profiles import cmyk_profile, grey_profile, grey_table_profile, parametric_profile, rgb_profile
from support.profiles import rgb_table_profile as table_profile

from colorize.base import ImageError
from colorize.color import (
    ProfileError,
    convert_8_bit_to_srgb,
    convert_16_bit_to_srgb,
    lab_to_rgb,
    read_color_space,
    rgb_to_lab,
    srgb_profile,
)

MAX_SECONDS = 10  # of computing, so that a busy machine is no failure; a profile of a kilobyte takes 0.02
SIZE = (3, 4)  # of the pictures
SOUND_PROFILES = (
    rgb_profile(),
    grey_profile(),
    srgb_profile(),
    parametric_profile(4, (2.4, 0.948, 0.052, 0.077, 0.04, 0.0, 0.0)),
    *(table_profile(kind, 3) for kind in ("mft1", "mft2", "mAB")),
    cmyk_profile(3),
    grey_table_profile(),
)
TELLING = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1"]
TELLING += [b"curv", b"para", b"mft1", b"mft2", b"mAB ", b"XYZ ", b"Lab ", b"GRAY", b"A2B0"]
PICTURES = {count: np.random.default_rng(0).integers(0, 65536, (*SIZE, count), np.uint16) for count in (1, 3, 4)}
INKS = Image.fromarray(PICTURES[4].astype(np.uint8), "CMYK")

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@st.composite
def damaged_profiles(draw: st.DrawFn) -> bytes:
    """Draw a sound profile of which a few places were changed, removed or cut off, mostly near its beginning."""
    profile = bytearray(draw(st.sampled_from(SOUND_PROFILES)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, min(len(profile), draw(st.sampled_from((400, len(profile)))))))
        written = st.one_of(st.sampled_from(TELLING), st.binary(min_size=1, max_size=4))
        change = draw(st.one_of(written, st.integers(1, 9), st.none()))
        if change is None:
            del profile[place:]
        elif isinstance(change, int):
            del profile[place : place + change]
        else:
            profile[place : place + len(change)] = change
    return bytes(profile)


@st.composite
def parametric_profiles(draw: st.DrawFn) -> bytes:
    """Draw a profile with a parametric curve of any kind and any numbers."""
    number = st.one_of(st.sampled_from((0.0, 1.0, -1.0, 2.4, 32767.0, -32768.0)), st.floats(-32768, 32767, width=32))
    return parametric_profile(draw(st.integers(0, 5)), draw(st.lists(number, min_size=7, max_size=7)))


def check(profile: bytes) -> None:
    """Read a profile in every way in which a photo's is read."""
    begin = time.process_time()
    try:
        space = read_color_space(profile)
    except ImageError:
        pass
    else:
        assert np.isfinite(space.matrix).all() and np.isfinite(space.curves).all()
        assert (np.diff(space.curves) >= 0).all()
        lab = rgb_to_lab(PICTURES[3], space)
        assert np.isfinite(lab).all()
        assert lab_to_rgb(lab, np.uint16, space).shape == (*SIZE, 3)
    for picture in PICTURES.values():
        try:
            assert convert_16_bit_to_srgb(picture, profile).shape == (*SIZE, 3)
        except ImageError:
            continue
    with suppress(ImageError):
        assert convert_8_bit_to_srgb(INKS, profile).mode == "RGB"
    assert time.process_time() - begin < MAX_SECONDS


def test_the_sound_profiles_are_read() -> None:
    for profile in SOUND_PROFILES:
        check(profile)
    assert [read_color_space(profile).curves.shape for profile in SOUND_PROFILES[:4]] == [(3, 65536)] * 4
    assert convert_16_bit_to_srgb(PICTURES[4], SOUND_PROFILES[-2]).shape == (*SIZE, 3)


@settings(max_examples=60)
@given(st.binary(max_size=600))
@example(b"")
@example(b"\0" * 128 + struct.pack(">I", 0xFFFFFFFF))
def test_any_bytes(profile: bytes) -> None:
    check(profile)


@settings(max_examples=60)
@given(damaged_profiles())
def test_a_damaged_profile(profile: bytes) -> None:
    check(profile)


@settings(max_examples=60)
@given(parametric_profiles())
def test_a_curve_of_any_numbers(profile: bytes) -> None:
    check(profile)


@pytest.mark.parametrize(
    ("kind", "numbers", "word"),
    [
        (1, (2.2, 0.0, 1.0), "slope"),
        (2, (2.2, 0.0, 1.0, 0.5), "slope"),
        (0, (0.0,), "exponent"),
        (0, (-1.0,), "exponent"),
        (5, (2.2,), "parametric curve 5"),
    ],
)
def test_a_curve_that_is_none_is_named(kind: int, numbers: tuple[float, ...], word: str) -> None:
    with pytest.raises(ProfileError, match=word):
        read_color_space(parametric_profile(kind, numbers))
