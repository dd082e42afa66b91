"""The routes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from petvision import __version__
from petvision.server import documents
from petvision.server.desk import Desk
from petvision.server.failures import Refusal, answer, of_status
from petvision.server.guard import Guard
from petvision.server.questions import question
from petvision.server.schemas import AdvancedAnswer, Answer, Health, Model, Models

ABOUT = """Cat, dog or "I don't know", and why: the answers of the window, for programs.

Send a picture as an upload (`curl -F file=@tom.jpg ADDRESS/predict`) or by its address."""

ModelName = Annotated[
    str | None, Query(description="A name of `GET /models`; the default one unless chosen.")
]
_ASKING = (400, 404, 413, 415, 422, 429, 503)


def application(desk: Desk, token: str | None = None) -> FastAPI:
    """The local API around a desk.

    Args:
        desk: answers the questions.
        token: that every request must carry; without one, only this machine is answered.
    """
    app = FastAPI(
        title="PetVision",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Guard, limits=desk.limits, token=token)],
    )
    _add_failures(app)
    _add_routes(app, desk, secured=token is not None)
    documents.add_pages(app)
    return app


def _add_routes(app: FastAPI, desk: Desk, *, secured: bool) -> None:
    lock: dict[str, Any] = {}
    statuses: tuple[int, ...] = _ASKING
    if secured:
        lock = {"security": [{"token": []}]}
        statuses = (*_ASKING, 401)

    @app.get("/health")
    async def health() -> Health:
        """That the server answers, also while it computes."""
        identity = Model(**asdict(desk.default.identity))
        return Health(status="ok", model=identity, queue=desk.waiting, version=__version__)

    refused = documents.refusals(*(s for s in statuses if s == 401))

    @app.get("/models", responses=refused, openapi_extra=lock)
    def models() -> Models:
        """The models there are; the usable ones can be asked with `?model=NAME`."""
        return Models(models=desk.models())

    asking: dict[str, Any] = {"responses": documents.refusals(*statuses)}

    @app.post("/predict", openapi_extra=documents.body(advanced=False) | lock, **asking)
    @app.post("/predict/", include_in_schema=False)
    async def predict(request: Request, model: ModelName = None) -> Answer:
        """What is on a picture: cat, dog, or unknown."""
        async with question(request, advanced=False) as asked:
            return await desk.judge(asked, model, request)

    @app.post("/predict/advanced", openapi_extra=documents.body(advanced=True) | lock, **asking)
    @app.post("/predict/advanced/", include_in_schema=False)
    async def predict_advanced(request: Request, model: ModelName = None) -> AdvancedAnswer:
        """What is on a picture, and why: panels as PNG, with the numbers behind them."""
        async with question(request, advanced=True) as asked:
            return await desk.explain(asked, model, request)

    if secured:
        _add_token_scheme(app)


def _add_token_scheme(app: FastAPI) -> None:
    plain = app.openapi

    def with_token() -> dict[str, Any]:
        schema = plain()
        schemes = schema.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {"type": "http", "scheme": "bearer"}
        return schema

    app.__dict__["openapi"] = with_token


def _add_failures(app: FastAPI) -> None:
    """Bring what the framework itself refuses into our form; all else comes to the guard."""

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        refusal = of_status(error.status_code, str(error.detail), headers)
        return answer(refusal, request.state.request_id)

    @app.exception_handler(RequestValidationError)
    async def wrong_question(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "The request"
        refusal = Refusal(422, "type", f"{place}: {first['msg']}.")
        return answer(refusal, request.state.request_id)
