"""Reading a request: a picture as an upload or by its address, and what is asked about it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from petvision.server.failures import Refusal, of_status
from petvision.server.schemas import Address, AdvancedAddress, Asked

JSON_MOST = 64 * 1024
NAME_MOST = 200
S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Question:
    """A picture (an uploaded file that lies in memory or on disk, or an address) and what about it.

    ``name`` is fit to show.
    """

    name: str
    file: BinaryIO | None
    url: str | None
    asked: Asked


@asynccontextmanager
async def question(request: Request, *, advanced: bool) -> AsyncIterator[Question]:
    """What a request asks; an upload lives as long as the block.

    Raises:
        Refusal: 400 for what is not well formed, 413, 415 for another kind of body, 422 for
            fields that are missing, wrong or unknown.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield _from_json(await _small(request), advanced=advanced)
    elif kind == "multipart/form-data":
        try:
            form = await request.form(max_files=1, max_fields=8, max_part_size=JSON_MOST)
        except HTTPException as error:  # what the parser makes of a broken upload
            raise Refusal(400, "bad_request", f"The upload is broken: {error.detail}") from error
        try:
            yield _from_form(form, advanced=advanced)
        finally:
            await form.close()
    else:
        message = "Send the picture as multipart/form-data, or its address as application/json."
        raise Refusal(415, "unsupported", message)


async def _small(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > JSON_MOST:
            message = f"A JSON request has at most {JSON_MOST // 1024} kB."
            raise Refusal(413, "too_large", message)
    return bytes(body)


def _from_json(body: bytes, *, advanced: bool) -> Question:
    try:
        values = json.loads(body)
    except ValueError as error:  # also bytes that are no text
        raise of_status(400) from error
    except RecursionError as error:
        raise of_status(400) from error
    if not advanced:
        url = _checked(Address, values).url
        return Question(url, None, url, Asked())
    told = _checked(AdvancedAddress, values)
    return Question(told.url, None, told.url, told)


def _from_form(form: FormData, *, advanced: bool) -> Question:
    fields: dict[str, Any] = {}
    for key, value in form.multi_items():
        if key in fields:
            raise Refusal(422, "range", f"{key} was sent twice.")
        fields[key] = value
    file = fields.pop("file", None)
    if not isinstance(file, UploadFile):
        raise Refusal(422, "key", "The field file, with the picture, is missing.")
    if not advanced and fields:
        raise Refusal(422, "key", f"There is no field {_shown(next(iter(fields)))}.")
    if any(isinstance(value, UploadFile) for value in fields.values()):
        raise Refusal(422, "type", "One file is enough: the picture.")
    if "methods" in fields:
        fields["methods"] = tuple(filter(None, fields["methods"].split(",")))
    if "parameters" in fields:
        try:
            fields["parameters"] = json.loads(fields["parameters"])
        except (ValueError, RecursionError) as error:
            raise Refusal(422, "type", "The field parameters must be a JSON object.") from error
    asked = _checked(Asked, fields)
    return Question(_shown(file.filename or "the picture"), file.file, None, asked)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:NAME_MOST]


def _checked(shape: type[S], values: object) -> S:
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "The request"
        raise Refusal(422, "type", f"{_shown(place)}: {first['msg']}.") from error
