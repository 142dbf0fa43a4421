"""Settings: frozen dataclasses whose fields carry their help, range and unit, and that check themselves.

A field that ``setting`` makes is all that an option needs: the command line, the HTTP forms, the page's controls, the
tables of the documents and a film's manifest are made from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

SPEC = "spec"  # key in the metadata of a dataclass's field


@dataclass(frozen=True)
class Spec:
    """All that is said of a setting beside its name, type and default.

    Attributes:
        help: What it does, in a few words that follow its name; without its range, unit and default.
        low: Smallest value; None: there is none.
        high: Largest value; None: there is none.
        choices: The values there are; empty: not a choice.
        unit: Of a number, in the plural, such as ``pixels``; empty: it has none.
        automatic: What stands for a value of None, such as ``the weights' own``.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    automatic: str = ""

    @property
    def range(self) -> str:
        """The range as text, such as ``0..1``; empty: there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.low:g}..{self.high:g}"

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
        if self.low is not None and not value >= self.low or self.high is not None and not value <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"{name} {value:g} is not within {self.range}{unit}")


def setting(default: Any, help: str, **spec: Any) -> Any:
    """Return a dataclass's field that is a setting.

    Args:
        default: Its default; None: automatic.
        help: What it does.
        **spec: Further fields of ``Spec``.
    """
    return field(default=default, metadata={SPEC: Spec(help, **spec)})


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


def specs(settings: type[Settings]) -> Iterator[tuple[Field, Spec]]:
    """Yield the fields of settings that ``setting`` made, with what is said of them, in order."""
    for each in fields(settings):
        if SPEC in each.metadata:
            yield each, each.metadata[SPEC]
