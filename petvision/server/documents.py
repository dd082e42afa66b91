"""The documentation page, from files of this machine alone, and what the schema adds by hand."""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response

from petvision.places import bundled
from petvision.server.schemas import Address, AdvancedAddress, Failed

_SCRIPT, _STYLE, _ICON = "/docs/swagger-ui.js", "/docs/swagger-ui.css", "/docs/petvision.svg"
_NOTHING_FROM_OUTSIDE = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'"
)
_PICTURE = {
    "type": "string",
    "format": "binary",
    "description": "The picture: JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC.",
}
_SENTENCES = {
    400: "Not well formed, broken off, or an address that is not on the public internet",
    401: "The token is missing or wrong",
    404: "There is no such model",
    413: "Too many bytes or pixels",
    415: "Not a picture PetVision can open, or another kind of body",
    422: "Damaged, could not be fetched, or a field is missing, wrong or unknown",
    429: "Too many requests wait; Retry-After says when to come again",
    503: "The server is stopping, or the model cannot be used",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside 200, for the schema."""
    told: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        told[status] = {"model": Failed, "description": _SENTENCES[status]}
        if status == 429:
            seconds = {"schema": {"type": "integer", "minimum": 1}, "description": "In seconds"}
            told[status]["headers"] = {"Retry-After": seconds}
    return told


def body(*, advanced: bool) -> dict[str, Any]:
    """The two forms of a question, for the schema: an upload, and an address."""
    fields: dict[str, Any] = {"file": _PICTURE}
    if advanced:
        fields |= {
            "methods": {
                "type": "string",
                "description": "Ids, separated by commas; the five panels unless chosen.",
                "examples": ["gradcam,occlusion"],
            },
            "target": {"type": "string", "description": "The class to explain."},
            "parameters": {
                "type": "string",
                "contentMediaType": "application/json",
                "description": "By method, what differs from its defaults.",
                "examples": ['{"occlusion": {"stride": 32}}'],
            },
        }
    upload = {
        "type": "object",
        "required": ["file"],
        "properties": fields,
        "additionalProperties": False,
    }
    address = (AdvancedAddress if advanced else Address).model_json_schema()
    content = {
        "multipart/form-data": {"schema": upload},
        "application/json": {
            "schema": address,
            "example": {"url": "https://example.org/tom.jpg"},
        },
    }
    return {"requestBody": {"required": True, "content": content}}


def add_pages(app: FastAPI) -> None:
    """Add ``/docs`` and the three files it is made of."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="PetVision: the local API",
            swagger_js_url=_SCRIPT,
            swagger_css_url=_STYLE,
            swagger_favicon_url=_ICON,
            # Without this, the page asks a validator on the internet to look at the schema.
            swagger_ui_parameters={"validatorUrl": None, "tryItOutEnabled": True},
        )
        page.headers["Content-Security-Policy"] = _NOTHING_FROM_OUTSIDE
        return page

    @app.get(_SCRIPT, include_in_schema=False)
    async def script() -> Response:
        return Response(_asset("swagger-ui-bundle.js"), media_type="text/javascript")

    @app.get(_STYLE, include_in_schema=False)
    async def style() -> Response:
        return Response(_asset("swagger-ui.css"), media_type="text/css")

    @app.get(_ICON, include_in_schema=False)
    async def icon() -> Response:
        picture = bundled("resources", "icons", "petvision.svg").read_bytes()
        return Response(picture, media_type="image/svg+xml")


@functools.cache
def _asset(name: str) -> bytes:
    return importlib.resources.files("fastapi_swagger").joinpath("resources", name).read_bytes()
