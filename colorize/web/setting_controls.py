"""The page's controls of settings, made from their fields, and the settings made from the controls' values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field
from types import MappingProxyType
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component

from colorize.base import Settings, Spec, specs, value_type
from colorize.batch import FileOptions, PhotoOptions
from colorize.engine import ColorSettings
from colorize.film import VideoOptions
from colorize.web.controls import page_error
from colorize.web.requests import ColorizeRequest

AUTOMATIC = 0  # the dropdown's value for a number that is chosen automatically
STEP = 0.05  # of sliders that are not of whole numbers
T = TypeVar("T", bound=Settings)
Handler = TypeVar("Handler", bound=Callable[..., Any])


def setting_controls(*classes: type[Settings]) -> list[Component]:
    """Add a control for each setting that the page has; their order is that of ``control_names``."""
    return [_control(setting, spec) for settings in classes for setting, spec in specs(settings, "page")]


def control_names(*classes: type[Settings]) -> list[str]:
    """Return the names of the settings that the page has controls of."""
    return [setting.name for settings in classes for setting, _ in specs(settings, "page")]


def takes_controls(*classes: type[Settings]) -> Callable[[Handler], Handler]:
    """Return a decorator that names the ``*values`` of an event's handler, for Gradio's clients, like the controls."""

    def decorate(handler: Handler) -> Handler:
        fixed = list(inspect.signature(handler).parameters.values())[:-1]
        named = [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)  # after what may be left out
            for name in control_names(*classes)
        ]
        handler.__signature__ = inspect.Signature([*fixed, *named])  # type: ignore[attr-defined]  # what Gradio reads
        return handler

    return decorate


def read_controls(settings: type[T], values: Mapping[str, Any], **more: Any) -> T:
    """Return settings with the values of controls; an empty control stands for its default.

    Args:
        settings: The class.
        values: Names of settings -> the values of their controls; those of other settings are passed over.
        **more: Fields that have other values than their controls or defaults.

    Raises:
        gr.Error: A client sent something that is no value of the setting.
    """
    given = {
        setting.name: _value(setting, spec, values[setting.name])
        for setting, spec in specs(settings, "page")
        if setting.name in values and values[setting.name] is not None and str(values[setting.name]).strip()
    }
    try:
        return settings(**{**given, **more})
    except ValueError as error:
        raise page_error(str(error)) from error


def page_request(
    weights: str | None,
    classes: Sequence[type[Settings]],
    values: Sequence[Any],
    *,
    photo: Mapping[str, Any] = MappingProxyType({}),
    video: Mapping[str, Any] = MappingProxyType({}),
    **more: Any,
) -> ColorizeRequest:
    """Return the request of a tab.

    Args:
        weights: Value of their control.
        classes: Settings that the tab has controls of.
        values: Of these controls, in their order.
        photo: Options of photos that the tab has other controls of.
        video: Options of films that it has other controls of.
        **more: Options of files that it has other controls of.

    Raises:
        gr.Error: A value is wrong.
    """
    given = dict(zip(control_names(*classes), values, strict=True))
    options = {
        "photo": read_controls(PhotoOptions, given, **photo),
        "video": read_controls(VideoOptions, given, **video),
        **more,
    }
    return ColorizeRequest(
        weights or "", read_controls(ColorSettings, given), read_controls(FileOptions, given, **options)
    )


def _label(setting: Field, spec: Spec) -> str:
    return spec.label or setting.name.replace("_", " ").capitalize()


def _control(setting: Field, spec: Spec) -> Component:
    """Add the control of a setting."""
    kind, label = value_type(setting), _label(setting, spec)
    default: Any = setting.default
    if kind is bool:
        return gr.Checkbox(label=label, value=default)
    if spec.choices:
        return gr.Radio(_choices(spec.choices), value=default, label=label)
    if spec.usual:
        usual = [(f"{value} {spec.unit}", value) for value in spec.usual]
        return gr.Dropdown([("automatic", AUTOMATIC), *usual], value=default or AUTOMATIC, label=label, info=spec.help)
    if kind is str or spec.parse:
        empty = f"; empty: {spec.automatic}" if spec.automatic else ""
        return gr.Textbox(label=label, info=spec.help + empty, value="" if spec.automatic else default)
    if default is not None and spec.low is not None and spec.high is not None:
        step = 1 if kind is int else STEP
        return gr.Slider(spec.low, spec.high, default, step=step, label=label, info=spec.help, buttons=["reset"])
    return gr.Number(
        default, label=label, info=spec.help, minimum=spec.low, maximum=spec.high, precision=0 if kind is int else None
    )


def _choices(choices: Any) -> list[tuple[str, str]]:
    """Return the choices with what is shown of each."""
    if isinstance(choices, Mapping):
        return [(f"{value}: {meaning}", value) for value, meaning in choices.items()]
    return [(value, value) for value in choices]


def _value(setting: Field, spec: Spec, value: Any) -> Any:
    """Return the setting's value of a control's; None: it is automatic."""
    if spec.usual and value == AUTOMATIC:
        return None
    try:
        return spec.parse(str(value).strip()) if spec.parse else value_type(setting)(value)
    except (TypeError, ValueError, OverflowError) as error:
        reason = str(error) if spec.parse else f"{_label(setting, spec)}: {value!r} is not a number"
        raise page_error(reason) from error
