"""What every HTTP API of ours does around its routes: who asks, errors as answers, its own description."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NoReturn

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift.api.faults import answer_to
from nightshift.errors import BadInput, NightshiftError, NotFound

__all__ = ["HttpApi", "Router", "new_router"]

_JSON = content_types.APPLICATION_JSON
_ASKED: Final = "asked"


def new_router() -> Router:
    """The routes of one topic."""
    return Router()  # type: ignore[no-untyped-call]  # the library's own


class HttpApi:
    """One HTTP API: its routers, and how a request is answered.

    Args:
        routers: the routes by topic.
        path: where its OpenAPI description is served, without a token.
        title: of the description.
        about: what it is for.
    """

    def __init__(self, *routers: Router, path: str, title: str, about: str) -> None:
        self._path, self._title, self._about = path, title, about
        self._app = APIGatewayHttpResolver(enable_validation=True)
        for router in routers:
            self._app.include_router(router)
        self._app.get(path, include_in_schema=False)(self._openapi)
        self._app.exception_handler(NightshiftError)(_refused)
        self._app.exception_handler(RequestValidationError)(self._invalid)
        self._app.exception_handler(NotFoundError)(self._no_route)
        self._app.exception_handler(Exception)(_crashed)

    def answer(self, event: dict[str, Any], asked: Callable[[str | None], object]) -> dict[str, Any]:
        """The response to one request. Nobody unknown gets further than the API's own description.

        `asked` is called with the `Authorization` header; what it gives, routes find as
        `router.context["asked"]`.
        """
        if event.get("rawPath") != self._path:
            try:
                who = asked(event.get("headers", {}).get("authorization"))
            except NightshiftError as exc:
                status, faulty = answer_to(exc)
                headers = {"content-type": _JSON, "www-authenticate": "Bearer"}
                return {"statusCode": int(status), "headers": headers, "body": faulty.model_dump_json()}
            self._app.context.update({_ASKED: who})
        return self._app.resolve(event, LambdaContext())

    def description(self) -> str:
        """The OpenAPI document, from the routes' models."""
        return self._app.get_openapi_json_schema(
            title=self._title,
            version="1",
            description=self._about,
            security_schemes={"identity": HTTPBearer(bearerFormat="JWT")},
            security=[{"identity": []}],
        )

    def _openapi(self) -> Response[str]:
        return Response(status_code=HTTPStatus.OK, content_type=_JSON, body=self.description())

    def _invalid(self, error: RequestValidationError) -> Response[str]:
        first = error.errors()[0]
        inside = first["loc"][1:] if first["type"] != "json_invalid" else ()
        field = ".".join(str(part) for part in inside) or str(first["loc"][0])
        return _refused(BadInput(field, str(first["msg"]).lower(), f"{self._path} says what is accepted."))

    def _no_route(self, _: NotFoundError) -> Response[str]:
        return _refused(NotFound(f"there is no such path; {self._path} lists them"))


def _refused(error: NightshiftError) -> Response[str]:
    status, faulty = answer_to(error)
    return Response(status_code=status, content_type=_JSON, body=faulty.model_dump_json())


def _crashed(error: Exception) -> NoReturn:
    """Leave it to the entrypoint: the resolver would log the message, which may quote personal data."""
    raise error
