"""Answers that are sent once, and then only again when they changed."""

import pytest
from starlette.requests import Request

from bellbuoy.web.conditional import answer


def asking(**headers: str) -> Request:
    """A request with these headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def tag_of(body: bytes) -> str:
    """The entity tag of a body."""
    return answer(asking(), body, "text/plain").headers["etag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"a", {} ,"b"', "*"])
def test_who_has_the_body_gets_304(form):
    """Strong or weak, one of several, or any."""
    response = answer(asking(if_none_match=form.format(tag_of(b"x"))), b"x", "text/plain")
    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == tag_of(b"x")


@pytest.mark.parametrize("given", ["", '""', "x", '"00000000000000000000000000000000"'])
def test_who_has_another_gets_the_body(given):
    """Also who sends what is no tag at all."""
    response = answer(asking(if_none_match=given), b"x", "text/plain")
    assert (response.status_code, response.body) == (200, b"x")


def test_an_error_is_never_answered_with_not_modified():
    """Whoever has the tag of an error page must still see that it is one."""
    response = answer(asking(if_none_match=tag_of(b"x")), b"x", "text/plain", status=404)
    assert (response.status_code, response.body) == (404, b"x")


def test_shared_caches_keep_only_what_is_public():
    """And for no longer than was said."""
    private = answer(asking(), b"x", "text/plain")
    public = answer(asking(), b"x", "text/plain", max_age=60, is_public=True)
    assert private.headers["cache-control"] == "private, no-cache"
    assert public.headers["cache-control"] == "public, max-age=60"
