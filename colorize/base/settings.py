"""Settings: frozen dataclasses whose fields carry their help, range and unit, and that check themselves.

A field that ``setting`` makes is all that an option needs: the command line, the HTTP forms, the page's controls, the
tables of the documents and a film's manifest are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

SPEC = "spec"  # key in the metadata of a dataclass's field
TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
Surface = Literal["command", "form", "page"]
ANYWHERE: tuple[Surface, ...] = ("command", "form", "page")
NOT_ON_PAGE: tuple[Surface, ...] = ("command", "form")
COMMAND_ONLY: tuple[Surface, ...] = ("command",)


class Spec(NamedTuple):
    """All that is said of a setting beside its name, type and default.

    Attributes:
        help: What it does, in a few words that follow its name; without its range, unit and default.
        low: Smallest value; None: there is none.
        high: Largest value; None: there is none.
        choices: The values there are, or a mapping from them to what each means; empty: not a choice.
        unit: Of a number, in the plural, such as ``pixels``; empty: it has none.
        automatic: What the default stands for where its value does not say it, such as ``the weights' own`` for None.
            If it is one word, it may be written in place of a value on the command line.
        bare: What it means on the command line where it is given without a value; empty: it wants one.
        metavar: What stands for a value in help texts, such as ``TIME``; empty: its range, or that it is a number.
        parse: Makes a value from a text that a person writes; None: the field's type does.
        each: Its name on the command line and in forms where it is a sequence whose items are given one by one.
        option: Its name on the command line; empty: its own.
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
    bare: str = ""
    metavar: str = ""
    parse: Callable[[str], Any] | None = None
    each: str = ""
    option: str = ""
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
        """Check that a value is one of the choices, or within the range.

        Args:
            name: Of the setting, for the message.
            value: Of the setting's type, not None.

        Raises:
            SettingError: It is not.
        """
        if self.choices and value not in self.choices:
            choices = ", ".join(self.choices)
            raise SettingError("{0} {value!r} is unknown; choose one of {choices}", name, value=value, choices=choices)
        if (self.low is not None and not value >= self.low) or (self.high is not None and not value <= self.high):
            raise SettingError(
                "{0} {value} is not within {limits}", name, value=value_text(value)[:80], limits=self._limits()
            )

    def check_type(self, name: str, kind: type, value: Any) -> None:
        """Check that a value is of its setting's type; a number may be numpy's.

        Args:
            name: Of the setting, for the message.
            kind: bool, int, float or str.
            value: Not None.

        Raises:
            SettingError: It is not.
        """
        what, types = _KINDS[kind]
        if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
            limits = f", one of {', '.join(self.choices)}" if self.choices else ""
            limits = limits or (self.range and f" within {self._limits()}")
            shown = repr(value)[:80]
            raise SettingError("{0} {value} is not {what}{limits}", name, value=shown, what=what, limits=limits)

    def _limits(self) -> str:
        return f"{self.range} {self.unit}".strip()


_KINDS: dict[type, tuple[str, type]] = {
    bool: ("True or False", bool),
    int: ("a whole number", Integral),
    float: ("a number", Real),
    str: ("a text", str),
}
"""Type of a setting -> what its values are called, and their class."""


class SettingError(ValueError):
    """A setting has a value that it cannot have; the message names settings as Python does, with blanks."""

    def __init__(self, text: str, *names: str, **values: Any) -> None:
        """Make the message.

        Args:
            text: As of ``str.format``, in which {0}, {1} and so on are the names of settings.
            *names: Of the fields.
            **values: That the text names.
        """
        self._text, self._names, self._values = text, names, values
        super().__init__(self.named(lambda name: name.replace("_", " ")))

    def named(self, shown_name: Callable[[str], str]) -> str:
        """Return the message with other names of settings.

        Args:
            shown_name: Returns what a field is called, such as ``--render-size``.
        """
        return self._text.format(*map(shown_name, self._names), **self._values)


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
    """Base of the settings: every value is checked when they are made; numpy's numbers become Python's.

    Raises:
        SettingError: A value is of another type or out of range; the message names the setting, the value and the
            range.
    """

    def __post_init__(self) -> None:
        for each, spec in specs(type(self)):
            value = getattr(self, each.name)
            if value is None and each.default is None:
                continue
            kind = TYPES.get(_type_name(each))
            if value is None:
                raise SettingError("{0} None is no value of it; leave it out for the default", each.name)
            if spec.each:
                _check_list(each.name, value)
            if kind is not None:
                spec.check_type(each.name, kind, value)
            if kind is str and not value.strip() and each.default != "":
                raise SettingError("{0} {value!r} is empty; leave it out for the default", each.name, value=value)
            spec.check(each.name, value)
            if kind in (int, float):
                object.__setattr__(self, each.name, kind(value))


def _check_list(name: str, value: Any) -> None:
    """Raise a ``SettingError`` where a value is no sequence, or a text."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SettingError("{0} {value!r} is not a list", name, value=value)


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
    return TYPES.get(_type_name(setting), str)


def value_text(value: Any) -> str:
    """Return a setting's value as text, as it can be written on the command line."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _type_name(setting: Field) -> str:
    """Return how the type of a setting's values that are not None is written."""
    name = setting.type if isinstance(setting.type, str) else getattr(setting.type, "__name__", str(setting.type))
    return name.removesuffix(" | None")


def default_text(setting: Field, spec: Spec) -> str:
    """Return a setting's default as text; empty: it is an empty sequence, or one that nothing need be said of."""
    if spec.automatic:
        return spec.automatic
    return "" if setting.default in (None, "", ()) else value_text(setting.default)
