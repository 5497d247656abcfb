"""Texts that no part of the product can hold are refused at the edge, in addresses, parameters, headers and bodies alike."""

import asyncio
import json
from itertools import product
from urllib.parse import urlsplit

import pytest

from api_edge.http.bodies import path_names
from api_edge.routes import COMMANDS, QUERIES

BAD = ["%00", "a%00b", "%ED%A0%80", "%ed%b0%80", "%FF", "%c3%28", "a%0d%0aX: y", "%1b", "%7f", "%C0%80"]
GOOD = ["%20", "a%2Fb", "%E2%82%AC", "%F0%9F%98%80", "%25", "%2500", "a+b"]
ROUTES = [route for route in (*COMMANDS, *QUERIES) if route.admit is None]
BODIES = {
    "U+0000 escaped": rb'{"name":"a\u0000b","bytes":1}',
    "half a pair escaped": rb'{"name":"a\ud800b","bytes":1}',
    "the other half": rb'{"name":"a\uDC00b","bytes":1}',
    "halves in the wrong order": rb'{"name":"\udc00\ud800","bytes":1}',
    "U+0000 as it is": b'{"name":"a\x00b","bytes":1}',
    "half a pair as it is": b'{"name":"a\xed\xa0\x80b","bytes":1}',
    "no UTF-8": b'{"name":"a\xffb","bytes":1}',
    "overlong": b'{"name":"a\xc0\x80b","bytes":1}',
    "a line break as it is": b'{"name":"a\nb","bytes":1}',
    "in a name": rb'{"na\u0000me":"a","bytes":1}',
}


async def raw(edge, key, method, path, body=b"", headers=None):
    """One request as it is; clients would mend it. Answers the status and the body."""
    given = {"Host": "x", "X-Api-Key": key, "Content-Type": "application/json", "Connection": "close", "Content-Length": len(body)}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (given | (headers or {})).items())]
    address = urlsplit(edge.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    head, _, told = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(told) if b"json" in head else told


@pytest.fixture
def key(client):
    return client.headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("route", [route for route in ROUTES if path_names(route.path)], ids=lambda route: f"{route.method} {route.path}")
async def test_no_path_has_what_cannot_be_held(edge, key, route):
    for name, bad in product(path_names(route.path), BAD):
        path = route.path.replace("{" + name + "}", bad.replace(" ", "%20"))
        status, told = await raw(edge, key, route.method, path.replace("{", "").replace("}", ""))
        assert (status, told["code"], told["field"]) == (400, "request.malformed", "path"), told


@pytest.mark.parametrize("bad", BAD)
async def test_no_parameter_has_what_cannot_be_held(edge, key, bad):
    for path in ("/v1/renders?state=", "/v1/log?type=", "/v1/events?types=", "/v1/nodes?cursor=", "/v1/nothing?x=", "/v1/me?limit=1&x="):
        status, told = await raw(edge, key, "GET", path + bad.replace(" ", "%20"))
        name = path.rpartition("?")[2].rpartition("&")[2][:-1]
        assert (status, told["code"], told["field"]) == (400, "request.parameter", name), told
    status, told = await raw(edge, key, "GET", f"/v1/renders?{bad.replace(' ', '%20')}=1")
    assert (status, told["code"]) == (400, "request.parameter"), told


@pytest.mark.parametrize("good", GOOD)
async def test_other_characters_are_let_through(backend, edge, key, good):
    status, told = await raw(edge, key, "GET", f"/v1/effects?kind={good}")
    assert status == 200, told
    status, told = await raw(edge, key, "GET", f"/v1/renders/{good}")
    assert (status, told["code"]) == (404, "job.not_found"), told


@pytest.mark.parametrize("name", ["X-Request-Id", "Idempotency-Key", "traceparent", "Content-Type"])
async def test_no_header_that_is_kept_or_told_again_has_what_cannot_be_held(edge, key, name):
    for bad in ("\udcff\udcfe" * 5, "application/json\udcff"):
        status, told = await raw(edge, key, "POST", "/v1/uploads", b'{"name":"n","bytes":1}', {name: bad})
        assert (status, told["code"], told["field"]) == (400, "request.parameter", name), told
    for broken in ("a\x00b", "a\rb", "a\x1bb"):
        status, told = await raw(edge, key, "POST", "/v1/uploads", b'{"name":"n","bytes":1}', {name: broken})
        assert status == 400 and b"Traceback" not in json.dumps(str(told)).encode(), told


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
async def test_no_body_has_what_cannot_be_held(edge, key, body):
    status, told = await raw(edge, key, "POST", "/v1/uploads", body)
    assert status in (400, 422) and told["code"] in ("request.malformed", "request.invalid"), told
    if status == 422:
        assert told["field"].startswith("na")


async def test_no_map_has_a_name_or_a_value_that_cannot_be_held_however_deep(edge, key):
    for bad in (r'{"a\u0000":1}', r'{"a":[{"b":"\u0000"}]}', r'{"a":[{"b":{"\ud800":1}}]}', r'{"a":["\udfff"]}'):
        body = f'{{"project_id":"00000000-0000-0000-0000-000000000001","metadata":{bad}}}'.encode()
        status, told = await raw(edge, key, "POST", "/v1/renders", body)
        assert (status, told["code"]) == (422, "request.invalid") and told["field"].startswith("metadata."), told


async def test_a_problem_that_tells_of_what_is_no_text_is_told_all_the_same(edge, key):
    paths = ("/v1/\udcff", "/v1/renders/\udcff", "/v1/renders?\udcff=1", "/v1/renders?state=\udcff")
    for method, path in product(("GET", "PATCH"), paths):
        status, told = await raw(edge, key, method, path)
        assert status == 400 and (isinstance(told, bytes) or told["code"].startswith("request.")), told


async def test_a_cursor_has_nothing_that_cannot_be_held(edge, key):
    import base64

    cursor = base64.urlsafe_b64encode(b'["nodes","a\\u0000b","00000000-0000-0000-0000-000000000001"]').rstrip(b"=").decode()
    status, told = await raw(edge, key, "GET", f"/v1/nodes?cursor={cursor}")
    assert (status, told["field"]) == (400, "cursor"), told
