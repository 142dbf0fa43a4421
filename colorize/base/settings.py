"""Settings: frozen dataclasses whose fields carry their help, range and unit, and that check themselves.

A field that ``setting`` makes is all that an option needs: the command line, the HTTP forms, the page's controls, the
tables of the documents and a film's manifest are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal

SPEC = "spec"  # key in the metadata of a dataclass's field
TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
Surface = Literal["command", "form", "page"]
ANYWHERE: tuple[Surface, ...] = ("command", "form", "page")
NOT_ON_PAGE: tuple[Surface, ...] = ("command", "form")
COMMAND_ONLY: tuple[Surface, ...] = ("command",)


@dataclass(frozen=True)
class Spec:
    """All that is said of a setting beside its name, type and default.

    Attributes:
        help: What it does, in a few words that follow its name; without its range, unit and default.
        low: Smallest value; None: there is none.
        high: Largest value; None: there is none.
        choices: The values there are, or a mapping from them to what each means; empty: not a choice.
        unit: Of a number, in the plural, such as ``pixels``; empty: it has none.
        automatic: What the default stands for where its value does not say it, such as ``the weights' own`` for None.
            If it is one word, it may be written in place of a value on the command line.
        metavar: What stands for a value in help texts, such as ``TIME``; empty: its range, or that it is a number.
        parse: Makes a value from a text that a person writes; None: the field's type does.
        each: Its name on the command line and in forms where it is a sequence whose items are given one by one.
        label: Its name on the page; empty: its own.
        usual: Values that the page offers in place of all others.
        surfaces: Where it can be set: on the command line, in the forms of the HTTP service, on the page.
        secret: Whether it is left out where the settings are shown.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: Collection[str] = ()
    unit: str = ""
    automatic: str = ""
    metavar: str = ""
    parse: Callable[[str], Any] | None = None
    each: str = ""
    label: str = ""
    usual: tuple[int, ...] = ()
    surfaces: tuple[Surface, ...] = ANYWHERE
    secret: bool = False

    @property
    def range(self) -> str:
        """The range as text, such as ``0..1``; empty: there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.low:.10g}..{self.high:.10g}"

    def check(self, name: str, value: Any) -> None:
        """Check a value.

        Args:
            name: Of the setting, for the message.
            value: Not None.

        Raises:
            ValueError: It is out of range, or not one of the choices.
        """
        if self.choices and value not in self.choices:
            raise ValueError(f"{name} {value!r} is unknown; choose one of {', '.join(self.choices)}")
        if (self.low is not None and not value >= self.low) or (self.high is not None and not value <= self.high):
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"{name} {value:.10g} is not within {self.range}{unit}")


def setting(default: Any, help: str, **spec: Any) -> Any:
    """Return a dataclass's field that is a setting.

    Args:
        default: Its default; None: automatic.
        help: What it does.
        **spec: Further fields of ``Spec``.
    """
    described = Spec(help, **spec)
    return field(default=default, repr=not described.secret, metadata={SPEC: described})


def repeated(settings: type[Settings], name: str, default: Any) -> Any:
    """Return a field like that of other settings, with the same name and all that is said of it, but another default.

    Where both settings are made from one command line or form, the option is there once, and both take its value.
    """
    (spec,) = (spec for each, spec in specs(settings) if each.name == name)
    return field(default=default, metadata={SPEC: spec})


@dataclass(frozen=True)
class Settings:
    """Base of the settings: every value is checked when they are made.

    Raises:
        ValueError: A value is out of range; the message names the setting, the value and the range.
    """

    def __post_init__(self) -> None:
        for each, spec in specs(type(self)):
            value = getattr(self, each.name)
            if value is not None:
                spec.check(each.name.replace("_", " "), value)


def specs(settings: type[Settings], surface: Surface | None = None) -> Iterator[tuple[Field, Spec]]:
    """Yield the fields of settings that ``setting`` made, with what is said of them, in order.

    Args:
        settings: The class.
        surface: Where they can be set; None: anywhere.
    """
    for each in fields(settings):
        spec = each.metadata.get(SPEC)
        if spec is not None and (surface is None or surface in spec.surfaces):
            yield each, spec


def value_type(setting: Field) -> type:
    """Return the type of a setting's values that are not None: bool, int, float or str; str of all other ones."""
    name = setting.type if isinstance(setting.type, str) else getattr(setting.type, "__name__", str(setting.type))
    return TYPES.get(name.removesuffix(" | None"), str)


def value_text(value: Any) -> str:
    """Return a setting's value as text, as it can be written on the command line."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def default_text(setting: Field, spec: Spec) -> str:
    """Return a setting's default as text; empty: it is an empty sequence, or one that nothing need be said of."""
    if spec.automatic:
        return spec.automatic
    return "" if setting.default in (None, "", ()) else value_text(setting.default)
