"""Settings on the command line: options made from them, they from what was given, and the command line of settings."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import Field
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, TypeVar

from colorize.base import SettingError, Settings, Spec, default_text, specs, value_text, value_type

USAGE_ERROR = 2  # exit status
T = TypeVar("T", bound=Settings)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with status 2."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


class Option(NamedTuple):
    """A setting as an option of the command line.

    Attributes:
        setting: The field.
        spec: What is said of it.
    """

    setting: Field
    spec: Spec

    @property
    def name(self) -> str:
        """The option, such as ``--render-size``; ``--no-...`` of what is on by default."""
        name = (self.spec.each or self.spec.option or self.setting.name).replace("_", "-")
        return f"--no-{name}" if self.setting.default is True else f"--{name}"

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return value_type(self.setting) is bool

    @property
    def metavar(self) -> str:
        """What stands for its value in texts; empty: it is a switch."""
        spec = self.spec
        if self.is_switch:
            return ""
        if spec.bare:
            return f"[{spec.metavar}]"
        text = spec.metavar or "|".join(spec.choices) or spec.range or self._any_value
        return f"{text}|{spec.automatic}" if spec.automatic.isalpha() else text

    @property
    def help(self) -> str:
        """What it does, with its default."""
        text = f"do not {self.spec.help}" if self.setting.default is True else self.spec.help
        default = "" if self.is_switch else default_text(self.setting, self.spec)
        unit = "" if self.spec.parse else self.spec.unit
        remarks = [unit and f"in {unit}", default and f"default: {default}"]
        more = "; ".join(remark for remark in remarks if remark)
        return f"{text} ({more})" if more else text

    @property
    def _any_value(self) -> str:
        return "TEXT" if value_type(self.setting) is str else "N"

    def parse(self, text: str) -> Any:
        """Return the value of a text; None: what it is automatically.

        Raises:
            argparse.ArgumentTypeError: It is none.
        """
        if not text.strip() and self.setting.default != "":
            raise argparse.ArgumentTypeError("an empty value; leave the option out for the default")
        if text == self.spec.automatic and text.isalpha():
            return None
        try:
            return (self.spec.parse or value_type(self.setting))(text)
        except ValueError as error:
            kind = {int: "a whole number", float: "a number"}.get(value_type(self.setting))
            reason = str(error) if self.spec.parse or kind is None else f"{text} is not {kind}"
            raise argparse.ArgumentTypeError(reason) from error

    def keywords(self) -> dict[str, Any]:
        """Return what ``add_argument`` is told of it beside its names and its default."""
        text = self.help.replace("%", "%%")
        if self.is_switch:
            return {"action": "store_false" if self.setting.default is True else "store_true", "help": text}
        metavar = self.spec.metavar if self.spec.bare else self.metavar
        shown = {"choices": tuple(self.spec.choices)} if self.spec.choices else {"metavar": metavar}
        action = "append" if self.spec.each else "store"
        optional = {"nargs": "?", "const": self.spec.bare} if self.spec.bare else {}
        return {"action": action, "type": self.parse, "help": text, **shown, **optional}

    def arguments(self, value: Any) -> list[str]:
        """Return the arguments that give it a value; none where that is the default."""
        if value == self.setting.default:
            return []
        if self.is_switch:
            return [self.name]
        values = value if self.spec.each else [value]
        return [argument for each in values for argument in (self.name, value_text(each))]


def make_options(settings: type[Settings]) -> list[Option]:
    """Return the options of settings."""
    return [Option(setting, spec) for setting, spec in specs(settings, "command")]


def file_name(text: str) -> str:
    """Return the name of a file that a command line gives.

    Raises:
        argparse.ArgumentTypeError: It is empty, as where a shell's variable is not set; a path would be this folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return text


def add_arguments(
    parser: argparse._ActionsContainer, options: Iterable[Option], letters: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Add options to a parser, or to a group of one; what is not given is not in the namespace.

    Args:
        parser: The parser or group.
        options: As ``make_options`` gives them.
        letters: Names of settings -> their short options, such as ``-o``.
    """
    for option in options:
        name = option.setting.name
        flags = [letters[name]] if name in letters else []
        parser.add_argument(*flags, option.name, dest=name, default=argparse.SUPPRESS, **option.keywords())


def from_arguments(parser: Parser, settings: type[T], namespace: argparse.Namespace, **more: Any) -> T:
    """Return settings with the values of the options that were given.

    Args:
        parser: Reports a value that is out of range, or that contradicts another, and exits.
        settings: The class.
        namespace: The parsed options.
        **more: Fields that are no options.
    """
    given = {
        setting.name: getattr(namespace, setting.name) for setting, _ in specs(settings) if setting.name in namespace
    }
    names = {option.setting.name: option.name for option in make_options(settings)}
    try:
        return settings(**given, **more)
    except SettingError as error:
        parser.error(error.named(lambda name: names.get(name, f"--{name}")))


def command_options(*settings: Settings) -> list[str]:
    """Return the arguments of a command line that gives settings the values that are not their defaults."""
    return [
        argument
        for each in settings
        for option in make_options(type(each))
        for argument in option.arguments(getattr(each, option.setting.name))
    ]
