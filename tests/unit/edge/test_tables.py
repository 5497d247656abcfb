"""The tables of routes, and what is derived from them."""

import re
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from api_edge import openapi
from api_edge.errors import MEANINGS, Refused, meaning_of
from api_edge.handlers import cursors, operations
from api_edge.handlers.commands import NO_VERSION
from api_edge.http import pages
from api_edge.http.bodies import path_names
from api_edge.routes import COMMANDS, QUERIES
from api_edge.stream import sse
from contracts.message import type_of
from deploy.domains import all_domains

DOCUMENT = openapi.document(COMMANDS, QUERIES, "0")


def test_every_command_route_names_a_registered_command_and_a_scope():
    for route in COMMANDS:
        assert type_of(route.command).kind == "cmd"
        assert re.fullmatch(r"[a-z]+:write", route.scope) or (route.admit and not route.scope)


@pytest.mark.parametrize("route", QUERIES, ids=lambda route: route.query)
def test_a_statement_selects_what_its_row_says(route):
    text = route.text
    selected = re.search(r"\nselect (.*?)\nfrom", text, re.DOTALL)[1]
    columns = {part.split(" as ")[-1].split(".")[-1].strip() for part in re.split(r",\s*(?![^()]*\))", selected)}
    declared = msgspec.structs.fields(route.row)
    if route.query == "explain_render":
        assert {"nodes", "parts", "crashes", "events"} <= columns  # an explanation is made of them, see tests/store/test_explain.py
    elif route.query == "operation_by_id":
        assert columns == {"id", "type", "state", "request_hash", "outcome", "decided_at", "shown"}
    else:
        # What else is shown is added by a presenter, or has a value of its own; what is found beside is what those read.
        assert columns >= {field.name for field in declared if field.required} or route.present
        assert columns <= {field.name for field in declared} or route.present or route.complete


@pytest.mark.parametrize("route", QUERIES, ids=lambda route: route.query)
def test_a_statement_has_the_parameters_that_the_handler_gives(route):
    text = route.text
    given = 1 + route.path.count("{") + len(route.filters) + (0 if route.one else len(route.keyset) + 1)
    assert {int(number) for number in re.findall(r"\$(\d+)", text)} == set(range(1, given + 1))
    assert "tenant_id = $1" in text or route.reads_platform


def test_the_description_resolves_every_reference_and_names_every_operation_once():
    text = msgspec.json.encode(DOCUMENT).decode()
    for name in set(re.findall(r'"#/components/schemas/([^"]+)"', text)):
        assert name in DOCUMENT["components"]["schemas"]
    operations = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert [name for name in DOCUMENT["components"]["schemas"] if not re.fullmatch(r"\w+", name)] == [], "two types of one name"
    assert len(operations) == len(set(operations)) == len(COMMANDS) + len(QUERIES) + 1
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))


def test_the_description_forbids_unknown_fields_and_hides_what_is_internal():
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["PostRequestRender"]["additionalProperties"] is False
    assert "secret_sha256" not in schemas["PostCreateApiKey"]["properties"]
    assert "object_key" not in schemas["SegmentState"]["properties"]


def test_the_description_says_by_what_each_operation_is_opened():
    def opened_by(path, method):
        return DOCUMENT["paths"][path][method]["security"]

    assert opened_by("/v1/renders", "post") == [{"bearer": ["render:write"]}, {"header": ["render:write"]}]
    assert opened_by("/v1/events", "get") == [{"bearer": [sse.SCOPE]}, {"header": [sse.SCOPE]}]
    assert opened_by("/v1/me", "get") == [{"bearer": []}, {"header": []}]
    assert opened_by("/v1/nodes/join", "post") == [{"other": []}]
    ways = {way for path in DOCUMENT["paths"].values() for operation in path.values() for one in operation["security"] for way in one}
    assert ways == set(DOCUMENT["components"]["securitySchemes"])


def test_what_makes_a_secret_shows_it_at_its_operation_too():
    assert {type_of(route.command).full_name: route.secret for route in COMMANDS if route.secret} == operations.SECRETS
    assert not [route.path for route in COMMANDS if "salt" in route.command.__struct_fields__ and not route.secret]


def test_every_code_has_a_meaning_and_a_status():
    assert meaning_of("job.not_found").status == 404
    assert meaning_of("unavailable.broker").status == 503
    assert meaning_of("render.unknown_element").status == 422
    assert meaning_of("auth.scope").status == 403
    assert len({meaning.pattern for meaning in MEANINGS}) == len(MEANINGS)


def test_the_errors_page_is_up_to_date():
    assert Path("docs/errors.md").read_text(encoding="utf-8") == pages.errors_markdown()


def test_a_cursor_leads_back_to_the_row_and_to_its_list_only():
    row = {"job_id": UUID(int=5), "created_at": msgspec.convert("2026-01-02T03:04:05.678901+00:00", __import__("datetime").datetime)}
    text = cursors.make("renders", 0, ("created_at", "job_id"), row)
    kinds = (type(row["created_at"]), UUID)
    assert cursors.read(text, "renders", 0, kinds) == [row["created_at"], row["job_id"]]
    of_others = [cursors.make(query, epoch, ("created_at", "job_id"), row) for query, epoch in (("files", 0), ("renders", 1))]
    for wrong in (text[:-2], "x", "", "é", *of_others):
        with pytest.raises(Refused):
            cursors.read(wrong, "renders", 0, kinds)


@pytest.mark.parametrize("text", ["0", "501", "-1", "x", "1e2", "٣", ""])
def test_a_wrong_limit_is_refused(text):
    with pytest.raises(Refused):
        cursors.limit_of(text)


def test_whatever_has_an_etag_is_known_by_the_last_name_of_its_address():
    """A command's If-Match is compared with the row of the first table that has this key."""
    domains = {domain.name: domain for domain in all_domains()}
    checked = 0
    for command in COMMANDS:
        names = path_names(command.path)
        if not names or names[-1] in NO_VERSION:
            continue
        tables = [table for table in domains[type_of(command.command).domain].tables if table.key == (names[-1],)]
        assert tables and names[-1] in command.command.__struct_fields__, f"{command.path} has no row whose version is its ETag"
        checked += 1
    assert checked > 10


def test_what_the_edge_asks_of_headers_is_described():
    create = DOCUMENT["paths"]["/v1/renders"]["post"]
    headers = {one["name"]: one["schema"] for one in create["parameters"] if one["in"] == "header"}
    assert re.fullmatch(headers["Idempotency-Key"]["pattern"], "a-key") and not re.fullmatch(headers["Idempotency-Key"]["pattern"], "a key")
    assert "If-Match" not in headers
    replace = DOCUMENT["paths"]["/v1/saved-projects/{saved_project_id}"]["put"]
    [tags] = [one["schema"]["pattern"] for one in replace["parameters"] if one["name"] == "If-Match"]
    assert [bool(re.fullmatch(tags, text)) for text in ('"3"', '"3", W/"4"', "*", "", "3")] == [True, True, True, False, False]
