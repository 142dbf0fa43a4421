"""What a visitor asked for last."""

from __future__ import annotations

import copy

from colorize.web.latest import Latest


def test_an_answer_is_the_last_until_something_else_is_asked_for() -> None:
    latest = Latest()
    assert latest.photo is None
    first = latest.ask("a")
    assert latest.is_last(first) and latest.photo == "a"
    second = latest.ask()
    assert latest.is_last(second) and not latest.is_last(first) and latest.photo == ""


def test_each_visitor_has_a_copy_that_any_python_can_make() -> None:
    """Python 3.14 copies none of ``itertools``; others warn, or do it silently."""
    first = Latest()
    for value in vars(first).values():
        assert value is None or type(value) in (int, str, dict)
    second = copy.deepcopy(first)
    assert first.ask("a") == second.ask("b") == 1
    assert first.photo == "a" and second.photo == "b"


def test_hints_that_are_being_drawn_are_nobodys() -> None:
    latest = Latest()
    assert latest.has_hints("a", "1,1,#ff0000")  # none were set yet
    edit = latest.begin_edit("a")
    assert not latest.has_hints("a", "") and latest.has_hints("b", "")
    assert latest.end_edit("a", edit, "2,2,#ff0000")
    assert latest.has_hints("a", "2,2,#ff0000") and not latest.has_hints("a", "")
    assert latest.end_edit("a", latest.begin_edit("a"), None)  # it failed
    assert latest.has_hints("a", "2,2,#ff0000")


def test_an_edit_is_out_of_date_when_a_later_one_has_begun() -> None:
    latest = Latest()
    first, second = latest.begin_edit("a", 10), latest.begin_edit("a", 30)
    assert latest.begin_edit("a", 20) == 0  # it was sent before the second, and came after it
    assert not latest.end_edit("a", 0, "lost")
    assert not latest.end_edit("a", first, "one") and not latest.has_hints("a", "one")
    assert latest.end_edit("a", second, "two") and latest.has_hints("a", "two")
    assert not latest.end_edit("a", second, "three")
    assert latest.page_number("a") == 30 and latest.page_number("b") == -1
    other = latest.begin_edit("b", 5)
    assert latest.page_number("b") == -1  # it has not ended
    assert latest.end_edit("b", other, "one") and latest.has_hints("a", "two")
