"""Answers and error responses of the HTTP service, as ``/openapi.json`` documents them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Form
from pydantic import BaseModel, Field

from colorize import __version__
from colorize.base import CONTAINERS

VideoFormat: TypeAlias = Literal[tuple(suffix[1:] for suffix in CONTAINERS)]  # type: ignore[valid-type]
"""Container of a coloured film, by its suffix."""


class Problem(BaseModel):
    """An error: one line that names the file, the value and the remedy."""

    detail: str


class VideoJob(BaseModel):
    """The status of a film's job.

    Attributes:
        id: Identifies the job in the paths of this service.
        status: Its stage.
        done: Number of frames that are coloured.
        total: Number of frames that the result will have, an estimate; null: not known yet.
        seconds_left: Seconds that it still needs at its speed so far; null: not known.
        message: How it ended, in one line; empty: it has not.
        notes: What was changed, left out or found damaged in the film, one line each.
        result: Path of the coloured film in this service; null: there is none (yet).
    """

    id: str
    status: Literal["waiting", "working", "done", "failed", "cancelled"]
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None
    message: str = ""
    notes: list[str] = Field(default_factory=list)
    result: str | None = None


class Health(BaseModel):
    """The health of the process.

    Attributes:
        status: Always "ok" in an answer.
        version: Of the program.
        waiting: Number of photos and films in the queue.
    """

    status: Literal["ok"] = "ok"
    version: str = __version__
    waiting: int = 0


class WeightsList(BaseModel):
    """The weights that a client may name; the first one is the default."""

    weights: list[str]


EVERYWHERE: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "The request is of another site's page"},
    421: {"model": Problem, "description": "The request is for a name that this server does not have"},
    500: {"model": Problem, "description": "An unexpected error"},
}
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Not a form that can be read"},
    401: {"model": Problem, "description": "User and password are needed"},
    408: {"model": Problem, "description": "No byte of the upload came for a minute"},
    413: {"model": Problem, "description": "Too large"},
    422: {"model": Problem, "description": "A field is out of range or unknown, or the file cannot be coloured"},
    429: {"model": Problem, "description": "The queue is full; see Retry-After"},
    499: {"model": Problem, "description": "The client went away"},
}
JOB_ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: ERROR_RESPONSES[401],
    404: {"model": Problem, "description": "There is no such job (any more)"},
    422: {"model": Problem, "description": "The address cannot be read"},
}

WeightsField = Annotated[str | None, Form(description="A name of /v1/weights; default: the first of them")]
