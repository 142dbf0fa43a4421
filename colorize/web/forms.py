"""Form fields of the HTTP service, made from settings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import Field
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Form, HTTPException, Request
from pydantic import Field as Limits

from colorize.base import SettingError, Settings, Spec, specs, value_type
from colorize.web.responses import value_errors_as_422

FORM_SCHEMA = "Body_"  # how FastAPI's names of the schemas of forms begin
T = TypeVar("T", bound=Settings)


def form(settings: type[T], descriptions: Mapping[str, str] | None = None) -> Callable[..., Coroutine[Any, Any, T]]:
    """Return a FastAPI dependency that reads settings from the fields of a form.

    Args:
        settings: The class; a setting whose ``surfaces`` have no form keeps its default.
        descriptions: Name of a field -> what is said of it where the setting's own words are for the command line.
    """
    names = {spec.each or setting.name: (setting, spec) for setting, spec in specs(settings, "form")}
    fields = {setting.name: name for name, (setting, _) in names.items()}

    async def read(**values: Any) -> T:  # in the thread of the loop: another one costs more than the work
        with value_errors_as_422():
            given = {names[name][0].name: _value(names[name][1], value) for name, value in values.items()}
            try:
                return settings(**given)
            except SettingError as error:
                raise ValueError(error.named(lambda name: fields.get(name, name))) from error

    said = descriptions or {}
    parameters = [_parameter(name, *described, said.get(name)) for name, described in names.items()]
    read.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what FastAPI reads
    return read


def _value(spec: Spec, value: Any) -> Any:
    """Return a setting's value from that of its field."""
    if not spec.each:
        return spec.parse(value) if spec.parse and isinstance(value, str) else value
    return [spec.parse(text) if spec.parse else text for text in value or ()]


def _parameter(name: str, setting: Field, spec: Spec, description: str | None = None) -> inspect.Parameter:
    """Return a form field as the parameter of a function: its name, type, range, description and default."""
    kind: Any
    limits: dict[str, Any] = {"ge": spec.low, "le": spec.high}
    if value_type(setting) is float:
        limits["allow_inf_nan"] = False
    if spec.each:
        kind, default = list[str] | None, None
    else:
        kind, default = value_type(setting), setting.default
        if spec.choices:
            kind = Literal[tuple(spec.choices)]
        if spec.parse:  # a number, or a text that stands for one, such as 1:30; the settings check its range
            kind, limits = Annotated[kind, Limits(**limits)] | str, {}
        if default is None:
            kind = kind | None
    annotation = Annotated[kind, Form(description=description or _description(spec), **limits)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _description(spec: Spec) -> str:
    parts = [
        spec.help[:1].upper() + spec.help[1:],
        spec.metavar if spec.each else "",
        f"in {spec.unit}" if spec.unit else "",
        f"default: {spec.automatic}" if spec.automatic else "",
    ]
    return "; ".join(part for part in parts if part)


async def check_field_names(request: Request) -> None:
    """Check that a form has only fields that its route knows, each once unless it is a list; a FastAPI dependency.

    Raises:
        HTTPException: 422 with the name of the field, and the fields that there are.
    """
    known = _documented_fields(request)
    if request.query_params:
        field = _printable(next(iter(request.query_params)))
        raise HTTPException(422, f"{field}: stands in the address; send it as a field of the form")
    names = [name for name, _ in (await request.form()).multi_items()]
    for name in names:
        if name not in known:
            raise HTTPException(422, f"{_printable(name)}: no such field; there are: {', '.join(known)}")
        if names.count(name) > 1 and not known[name]:
            raise HTTPException(422, f"{name}: given {names.count(name)} times; give it once")


def refuse_other_fields(app: FastAPI) -> None:
    """Say in an application's document that its forms have no fields but those that are described."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        for name, schema in document["components"]["schemas"].items():
            if name.startswith(FORM_SCHEMA):
                schema["additionalProperties"] = False
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _documented_fields(request: Request) -> dict[str, bool]:
    """Return the form fields of a request's route as ``/openapi.json`` has them, and whether each is a list."""
    document = request.app.openapi()
    operation = document["paths"][request.scope["route"].path][request.method.lower()]
    (content,) = operation["requestBody"]["content"].values()
    fields = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]["properties"]
    return {
        name: any(kind.get("type") == "array" for kind in (described, *described.get("anyOf", ())))
        for name, described in fields.items()
    }


def _printable(name: str) -> str:
    """Return a client's name of a field, fit for a line."""
    return re.sub(r"[^ -~]", "?", name)[:80] or "(empty name)"
