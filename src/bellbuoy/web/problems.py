"""Errors as the API tells them: RFC 9457, problem details for HTTP APIs."""

import json
from http import HTTPStatus

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the RFC's word
    """What is wrong with a request: `detail` says it with its cure, `name` where, if anywhere."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        name: str = "",
        retry_after: int | None = None,
        authenticate: bool = False,
        allow: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.name = name
        self.retry_after = retry_after
        self.authenticate = authenticate
        self.allow = allow

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        headers = {"cache-control": "no-store"}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.authenticate:
            headers["www-authenticate"] = 'Bearer realm="bellbuoy"'
        if self.allow:
            headers["allow"] = ", ".join(self.allow)
        return headers


def as_response(problem: Problem) -> Response:
    """A problem as a tool reads it."""
    body = {"type": "about:blank", "title": problem.title, "status": problem.status}
    body["detail"] = problem.detail
    if problem.name:
        body["name"] = problem.name
    return Response(
        json.dumps(body), problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )
