"""Form fields of the HTTP service, made from settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Form

from colorize.base import Settings, Spec, specs, value_type
from colorize.web.responses import value_errors_as_422

T = TypeVar("T", bound=Settings)


def form(settings: type[T]) -> Callable[..., T]:
    """Return a FastAPI dependency that reads settings from the fields of a form.

    Args:
        settings: The class; a setting whose ``surfaces`` have no form keeps its default.
    """
    names = {spec.each or setting.name: (setting, spec) for setting, spec in specs(settings, "form")}

    def read(**values: Any) -> T:
        with value_errors_as_422():
            return settings(**{names[name][0].name: _value(names[name][1], value) for name, value in values.items()})

    parameters = [_parameter(name, *described) for name, described in names.items()]
    read.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what FastAPI reads
    return read


def _value(spec: Spec, value: Any) -> Any:
    """Return a setting's value from that of its field."""
    if not spec.each:
        return value
    return [spec.parse(text) if spec.parse else text for text in value or ()]


def _parameter(name: str, setting: Field, spec: Spec) -> inspect.Parameter:
    """Return a form field as the parameter of a function: its name, type, range, description and default."""
    kind: Any
    if spec.each:
        kind, default = list[str] | None, None
    else:
        kind, default = value_type(setting), setting.default
        if spec.choices:
            kind = Literal[tuple(spec.choices)]
        if default is None:
            kind = kind | None
    limits: dict[str, Any] = {"ge": spec.low, "le": spec.high}
    if value_type(setting) is float:
        limits["allow_inf_nan"] = False
    annotation = Annotated[kind, Form(description=_description(spec), **limits)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _description(spec: Spec) -> str:
    parts = [
        spec.help[:1].upper() + spec.help[1:],
        spec.metavar if spec.each else "",
        f"in {spec.unit}" if spec.unit else "",
        f"default: {spec.automatic}" if spec.automatic else "",
    ]
    return "; ".join(part for part in parts if part)
