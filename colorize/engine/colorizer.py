"""The Colorizer: loaded weights that turn pictures into colour ones of the same lightness."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from colorize.base import DEFAULT_WEIGHTS, Spec, WeightsError, available_cpus
from colorize.color import (
    AB_MAX,
    L_HALF,
    SRGB,
    ColorSpace,
    Enlarger,
    Floats,
    Picture,
    check_picture,
    is_grey,
    lab_planes_to_rgb,
    rgb_to_lab,
    rgb_to_lightness,
    shrink,
    strips,
)
from colorize.engine.grid import grid_size, round_size
from colorize.engine.hints import Hint, blend_by_distance, draw_hints, resize_hint_map
from colorize.engine.references import Cells, Reference, ReferenceColors, cell_values, match_references
from colorize.engine.settings import ColorSettings, RuntimeSettings
from colorize.network import Features, Network, load_network
from colorize.photo import Photo

STRENGTH = Spec("how far references' colours are taken", low=0, high=1)


class Colorizer:
    """Weights that are loaded once and colour any number of pictures; the pictures keep their own lightness.

    A call has three stages, ``preprocess``, ``predict_ab`` and ``compose``, which can also be called one by one, each
    in a thread of its own.

    Attributes:
        settings: How pictures are coloured.
        network: What predicts the colours.
        weights: The name or path that they were loaded by; None: a network was given.
    """

    def __init__(
        self,
        weights: str | Path | Network = DEFAULT_WEIGHTS,
        settings: ColorSettings | None = None,
        *,
        device: str | None = None,
        threads: int | None = None,
        precision: str | None = None,
        runtime: str = "auto",
        pictures_at_once: int = 1,
        keep_memory: bool = True,
        in_background: bool = False,
        **changes: Any,
    ) -> None:
        """Load weights.

        Args:
            weights: A released name, the path of a weights file (DeOldify's ``.pth`` too), or a network.
            settings: How pictures are coloured; None: the defaults.
            device: ``cpu``, ``cuda``, ``mps``; None: the best one there is.
            threads: How many threads compute the network, and compose a picture; None: one per core.
            precision: Number format of the network, ``float32`` or ``bfloat16``; None: the fastest one without a
                visible difference.
            runtime: What computes the network: ``onnx``, ``torch``, or ``auto`` (see ``choose_runtime``).
            pictures_at_once: How many pictures mostly come together, as a film's or a folder's do: a processor's
                threads are then divided among so many, which takes less of its time. The colours are the same.
            keep_memory: Keep the memory that the network took for the next picture, some 70 MB, which saves a sixth of
                its time; False: give it back, as is right where one picture is all.
            in_background: Return while ONNX Runtime still gets ready, which takes some .3 s the first time that
                weights are used on this machine; the first call of ``encode``, ``predict_ab`` or anything that needs
                them waits for it, and raises a ``WeightsError`` where the network's graph cannot be used.
            **changes: Fields of ``ColorSettings`` that differ from ``settings``, by name.

        Raises:
            WeightsError: The weights are unknown or damaged.
            ValueError: A setting is out of range, or the device is not there, or a network is given one anew.
            TypeError: The weights are something else, or there is no such setting.
        """
        if pictures_at_once < 1:
            raise ValueError(f"pictures at once {pictures_at_once} is not at least 1")
        RuntimeSettings(device=device, threads=threads, runtime=runtime)  # checks them
        self.settings = replace(settings or ColorSettings(), **changes)
        if isinstance(weights, str | Path):
            self.network = load_network(
                weights, device, precision, runtime, threads, pictures_at_once, keep_memory, in_background
            )
            self.weights = self._name = str(weights)
        elif not hasattr(weights, "decode"):
            raise TypeError(f"weights {weights!r} are neither a name, nor the path of a file, nor a network")
        elif device is None and precision is None:
            self.network, self.weights, self._name = weights, None, f"the network ({weights.runtime})"
        else:
            raise ValueError(f"device {device}, precision {precision}: a network that is loaded keeps its own")
        self._threads = ThreadPoolExecutor(threads or available_cpus(), "colorize-compose")

    def __call__(
        self,
        picture: Picture,
        hints: Sequence[Hint] = (),
        *,
        space: ColorSpace = SRGB,
        references: Sequence[Reference] = (),
        reference_strength: float = 1.0,
    ) -> Picture:
        """Return a picture in colour.

        Args:
            picture: (H, W, 3) or grey (H, W), uint8 or uint16.
            hints: Known colours, in pixels of the picture.
            space: Colour space of the picture and of the result; a grey picture's result is sRGB.
            references: Photographs whose colours are taken where they show the same things, ``read_reference``'s
                results; hints have precedence over them.
            reference_strength: 0..1: how far these colours are taken.

        Returns:
            (H, W, 3) of the same dtype.

        Raises:
            ValueError: Not a picture, a hint outside it, hints for weights that take no hints, or a strength that is
                out of range.
        """
        network_input = self.preprocess(picture, space)
        colors = self.match_references(network_input, references, reference_strength)
        ab = self.predict_ab_with_hints([network_input], [self.draw_hints(picture, hints)], [colors])[0]
        return self.compose(picture, ab, space)

    @property
    def render_size(self) -> int:
        """Short side in pixels of what the network sees, a multiple of its stride (32, DeOldify's weights 16)."""
        return round_size(self.settings.render_size or self.network.render_size, self.network.stride)

    @property
    def takes_hints(self) -> bool:
        """Whether the weights follow colour hints."""
        return self.network.takes_hints

    @property
    def latent_dim(self) -> int:
        """Length of the weights' latent vector; 0: they have none."""
        return self.network.latent_dim

    @property
    def pictures_at_once(self) -> int:
        """How many pictures are best coloured side by side, each in a thread of its own; 1: one after the other."""
        return getattr(self.network, "pictures_at_once", 1)  # what only ONNX Runtime on a processor does

    def adjusted(self, settings: ColorSettings | None = None, **changes: Any) -> Colorizer:
        """Return a Colorizer with the same loaded weights and other settings.

        Args:
            settings: How pictures are coloured; None: as by this one.
            **changes: Fields of ``ColorSettings`` that differ from these, by name.

        Raises:
            ValueError: A setting is out of range.
        """
        other = copy.copy(self)
        other.settings = replace(settings or self.settings, **changes)
        return other

    def batch(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Return several pictures in colour, each as by ``__call__``; those of one shape run together."""
        predicted = self.predict_ab([self.preprocess(picture) for picture in pictures])
        return [self.compose(picture, ab) for picture, ab in zip(pictures, predicted, strict=True)]

    def frames(self, pictures: Iterable[Picture], batch_size: int = 1) -> Iterator[Picture]:
        """Yield pictures in colour, in order, holding ``batch_size`` of them at a time.

        Raises:
            ValueError: The batch size is not positive.
        """
        if batch_size < 1:
            raise ValueError(f"batch size {batch_size} is not at least 1")
        iterator = iter(pictures)
        while group := list(islice(iterator, batch_size)):
            yield from self.batch(group)

    def colorize_photo(self, photo: Photo, hints: Sequence[Hint] = ()) -> Photo:
        """Return a photo in colour, with all that belongs to it and the label that a network made the colours."""
        return photo.with_colors(self(photo.picture, hints, space=photo.space))

    def predict_full_ab(self, lightness: Floats, hint_map: Floats | None = None) -> Floats:
        """Return the ab of a lightness in its full size.

        Args:
            lightness: (H, W), L 0..100.
            hint_map: (1, 3, h, w) of any size: ab / 110 where a colour is given, else 0, then the 0/1 mask of these
                places. It is resized to the network's grid.

        Returns:
            (H, W, 2) float32 in Lab units, scaled by ``saturation``.

        Raises:
            ValueError: A shape is wrong, or a hint map is given to weights that take no hints.
        """
        if lightness.ndim != 2 or 0 in lightness.shape:
            raise ValueError(f"lightness must be (H, W), not {lightness.shape}")
        small = shrink(np.asarray(lightness, np.float32), self.grid(lightness.shape))
        if hint_map is not None:
            self.check_hints()
            hint_map = resize_hint_map(hint_map, small.shape[:2])
        ab = self.predict_ab([np.asarray(small / L_HALF - 1, np.float32)[None, None]], [hint_map])[0]
        return Enlarger(ab, lightness.shape).rows(0, lightness.shape[0])

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of the network's grid for a picture of (height, width)."""
        if self.settings.square:
            return self.render_size, self.render_size
        return grid_size(size, self.render_size, self.network.stride)

    def preprocess(self, picture: Picture, space: ColorSpace = SRGB) -> Floats:
        """Return the network's input: a picture's lightness on the grid, (1, 1, h, w), L / 50 - 1.

        Raises:
            ValueError: Not a picture.
        """
        check_picture(picture)
        small = shrink(picture, self.grid(picture.shape[:2]))
        return (rgb_to_lightness(small, space) / L_HALF - 1)[None, None]

    def draw_hints(self, picture: Picture, hints: Sequence[Hint]) -> Floats | None:
        """Return the hint map (1, 3, h, w) that the network is given, or None where there are no hints.

        Raises:
            ValueError: A hint lies outside the picture, or these weights take no hints.
        """
        if not hints:
            return None
        self.check_hints()
        size = picture.shape[:2]
        return draw_hints(hints, size, self.grid(size))[None]

    def read_reference(self, picture: Picture, space: ColorSpace = SRGB) -> Reference:
        """Return a photograph as a reference, whose colours are taken where it shows the same things as a picture.

        It goes with all Colorizers of the same network.

        Args:
            picture: (H, W, 3), uint8 or uint16, in colour.
            space: Its colour space.

        Raises:
            ValueError: Not a picture, one without colours, or these weights show nothing that could be compared.
        """
        check_picture(picture)
        if is_grey(picture, space):
            raise ValueError("a reference without colours; give a photograph that is in colour")
        lab = rgb_to_lab(np.asarray(shrink(picture, self._reference_grid(picture.shape[:2]))), space)
        cells = self._cells(np.asarray(lab[None, None, ..., 0] / np.float32(L_HALF) - 1, np.float32))
        return Reference(cells, cell_values(lab[..., 1:], cells.size))

    def match_references(
        self, network_input: Floats, references: Sequence[Reference], strength: float = 1.0
    ) -> ReferenceColors | None:
        """Return what references say about the colours of a picture, for ``predict_ab_with_hints``; None: nothing.

        Args:
            network_input: ``preprocess``'s result.
            references: ``read_reference``'s results.
            strength: 0..1: how far their colours are taken.

        Raises:
            ValueError: The strength is out of range.
        """
        STRENGTH.check("reference strength", strength)
        if not references or strength == 0:
            return None
        size = network_input.shape[2:]
        own = np.asarray(shrink(network_input[0, 0], self._reference_grid(size)), np.float32)[None, None]
        return match_references(self._cells(own), references, size, strength)

    def predict_ab(
        self,
        inputs: Sequence[Floats],
        hint_maps: Sequence[Floats | None] | None = None,
        latents: Sequence[Floats | None] | None = None,
    ) -> list[Floats]:
        """Return ab (h, w, 2) in Lab units, scaled by ``saturation``, of each input; equal shapes run together.

        Args:
            inputs: ``preprocess``'s results.
            hint_maps: (1, 3, h, w) of each input, or None.
            latents: (1, latent_dim) of each input, or None for the deterministic answer.
        """
        hint_maps = hint_maps or [None] * len(inputs)
        latents = latents or [None] * len(inputs)
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, network_input in enumerate(inputs):
            groups.setdefault(network_input.shape, []).append(index)
        results: dict[int, Floats] = {}
        for group in groups.values():
            batch = with_hints([inputs[index] for index in group], [hint_maps[index] for index in group])
            latent = _stacked([latents[index] for index in group], (1, self.latent_dim))
            results.update(zip(group, self.decode(batch, self.encode(batch), latent), strict=True))
        return [results[index] for index in range(len(inputs))]

    def encode(self, inputs: Floats) -> Features:
        """Return what the network sees of inputs of one shape, (n, 1 or 4, h, w), as ``Network.encode``."""
        return self.network.encode(inputs)

    def decode(self, inputs: Floats, features: Features, latent: Floats | None = None) -> Floats:
        """Return ab (n, h, w, 2) in Lab units, scaled by ``saturation``; the arguments are ``Network.decode``'s.

        Raises:
            WeightsError: The network gives no colours: its numbers have become too large on the way.
        """
        ab = self.network.decode(inputs, features, latent)
        if not np.isfinite(ab).all():
            raise WeightsError(f"{self._name}: gives numbers that are not finite; get it anew, or take other weights")
        return ab * np.float32(AB_MAX * self.settings.saturation)

    def predict_ab_with_hints(
        self,
        inputs: Sequence[Floats],
        hint_maps: Sequence[Floats | None],
        reference_colors: Sequence[ReferenceColors | None] | None = None,
    ) -> list[Floats]:
        """Return ``predict_ab``'s result where hints keep to the objects that they lie on (``blend_by_distance``).

        Args:
            inputs: ``preprocess``'s results.
            hint_maps: ``draw_hints``'s result for each input.
            reference_colors: ``match_references``'s result for each input; None: none for any. Hints lie over them.
        """
        results = self.predict_ab(inputs)
        for index, colors in enumerate(reference_colors or ()):
            if colors is not None:
                results[index] = colors.blended(results[index], self.settings.saturation)
        pairs = [(index, hint_map) for index, hint_map in enumerate(hint_maps) if hint_map is not None]
        if pairs:
            hinted = self.predict_ab([inputs[index] for index, _ in pairs], [hint_map for _, hint_map in pairs])
            for (index, hint_map), ab in zip(pairs, hinted, strict=True):
                lightness = (inputs[index][0, 0] + 1) * np.float32(L_HALF)
                results[index] = blend_by_distance(lightness, hint_map[0], results[index], ab, self.settings.saturation)
        return results

    def compose(self, picture: Picture, ab: Floats, space: ColorSpace = SRGB) -> Picture:
        """Return a picture's own lightness with the ab of ``predict_ab``, enlarged, as RGB; see ``compose_picture``."""
        return compose_picture(picture, ab, self.settings.strength, space, self._threads)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the network's parameters as they run, and of how they are used, as hex digits."""
        return self.network.fingerprint()

    def _reference_grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (h, w) at which pictures are compared: the weights' own render size, whatever is asked for."""
        return grid_size(size, round_size(self.network.render_size, self.network.stride), self.network.stride)

    def _cells(self, network_input: Floats) -> Cells:
        return Cells.of(network_input, self.encode(network_input))

    def check_hints(self) -> None:
        """Check that the weights follow colour hints.

        Raises:
            ValueError: They do not.
        """
        if not self.takes_hints:
            raise ValueError("these weights take no colour hints; use others, or leave the hints out")


def with_hints(inputs: Sequence[Floats], hint_maps: Sequence[Floats | None]) -> Floats:
    """Return inputs of one shape as one batch, (n, 1, h, w), or (n, 4, h, w) where one of them has hints.

    Args:
        inputs: ``preprocess``'s results, (1, 1, h, w).
        hint_maps: (1, 3, h, w) of each, or None.
    """
    batch = np.concatenate(inputs)
    hints = _stacked(hint_maps, (1, 3, *batch.shape[2:]))
    return batch if hints is None else np.concatenate([batch, hints], axis=1)


def _stacked(arrays: Sequence[Floats | None], shape: tuple[int, ...]) -> Floats | None:
    """Return a batch of arrays of a shape, zeros in the place of each None; None where there is nothing but None."""
    if all(array is None for array in arrays):
        return None
    return np.concatenate([np.zeros(shape, np.float32) if array is None else array for array in arrays])


def compose_picture(
    picture: Picture, ab: Floats, strength: float, space: ColorSpace, threads: ThreadPoolExecutor
) -> Picture:
    """Return a picture's own lightness with new colours, as RGB of the same dtype.

    Args:
        picture: (H, W, 3) or grey (H, W), uint8 or uint16.
        ab: (h, w, 2) in Lab units, of the network's grid; it is enlarged to the picture.
        strength: 0..1: 1 these colours, 0 the picture's own tone.
        space: Colour space of the picture; a grey picture's result is sRGB.
        threads: The threads that compose the strips of the picture.
    """
    result = np.empty((*picture.shape[:2], 3), picture.dtype)
    result_space = space if picture.ndim == 3 else SRGB  # a grey profile has no colours to write
    if strength == 0 and result_space is space:
        result[:] = picture if picture.ndim == 3 else picture[:, :, None]
        return result
    enlarger = Enlarger(ab, picture.shape[:2])

    def compose_strip(rows: slice) -> None:
        a, b = enlarger.planes(rows.start, rows.stop)
        if strength != 1:
            a *= np.float32(strength)
            b *= np.float32(strength)
        strip = picture[rows]
        if strength < 1 and strip.ndim == 3:
            lab = rgb_to_lab(strip, space)
            lightness = lab[..., 0]
            a += lab[..., 1] * np.float32(1 - strength)
            b += lab[..., 2] * np.float32(1 - strength)
        else:
            lightness = rgb_to_lightness(strip, space)
        lab_planes_to_rgb(lightness, a, b, result[rows], result_space)

    for _ in threads.map(compose_strip, strips(picture.shape[:2])):
        pass  # raises what a thread raised
    return result
