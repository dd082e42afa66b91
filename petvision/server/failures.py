"""What goes wrong, as an answer: a status, a stable code and one sentence. Never a trace."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.responses import JSONResponse

from petvision.errors import ConfigError, InputError, ModelError, PetVisionError

INTERNAL = "This is a fault of PetVision's own. Its report lies beside the log."


class Refusal(Exception):
    """An answer other than the one that was asked for.

    Args:
        status: of HTTP.
        code: stable, lower_snake.
        message: one sentence.
        headers: of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


class Busy(Refusal):
    """Too many requests; ``seconds`` from now there is probably room."""

    def __init__(self, seconds: float) -> None:
        wait = max(1, math.ceil(seconds))
        message = f"Too many requests are waiting. Try again in {wait} s."
        super().__init__(429, "busy", message, {"Retry-After": str(wait)})


class Stopping(Refusal):
    """The server is about to end."""

    def __init__(self) -> None:
        message = "The server is stopping; start it again to go on."
        super().__init__(503, "stopping", message)


_INPUT = {
    "unreadable": 422,
    "unsupported": 415,
    "too_large": 413,
    "not_found": 404,
    "network": 422,
    "refused": 400,
}


def refusal_of(error: PetVisionError) -> Refusal:
    """The answer to an error of the world."""
    status = 503
    if isinstance(error, InputError):
        status = _INPUT[error.code]
    elif isinstance(error, ModelError) and error.code == "not_found":
        status = 404
    elif isinstance(error, ConfigError):
        status = 422
    return Refusal(status, error.code, str(error))


def answer(refusal: Refusal, request_id: str) -> JSONResponse:
    """A refusal as JSON."""
    content = {
        "error": {"code": refusal.code, "message": refusal.message},
        "request_id": request_id,
    }
    return JSONResponse(content, refusal.status, refusal.headers)


def of_status(status: int, detail: str = "", headers: dict[str, str] | None = None) -> Refusal:
    """A refusal that the framework makes: a route or a way of asking that does not exist."""
    sentences = {
        400: "The request is not well formed.",
        404: "There is nothing at this address; /docs lists what there is.",
        405: "This address is not asked in this way; /docs lists how.",
    }
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return Refusal(status, code, sentences.get(status, detail), headers)
