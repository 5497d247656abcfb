"""What a wrong body is told."""

import json

import msgspec
import pytest

from api_edge.errors import Refused
from api_edge.http.bodies import COMMAND_LIMIT, METADATA_LIMIT, BodyReader
from contracts.identity.api_keys import CreateApiKey
from contracts.studio.renders import RequestRender

READER = BodyReader(RequestRender, (), "PostRequestRender")


def refused(body, reader=READER):
    with pytest.raises(Refused) as caught:
        reader.read(body if isinstance(body, bytes) else json.dumps(body).encode(), {})
    return caught.value.problem


def details(problem):
    return {error["field"]: error["detail"] for error in problem.errors}


def test_every_wrong_field_is_named_at_once():
    problem = refused({"scenes": [{"scene": "a", "speed": "fast"}, {"texts": {"t": 5}}], "quality": "best", "rate": [30], "widht": 4})
    found = details(problem)
    assert problem.code == "request.invalid"
    assert set(found) == {"scenes[0].speed", "scenes[1].scene", "scenes[1].texts.t", "quality", "rate", "widht"}
    assert "did you mean `width`?" in found["widht"]
    assert found["scenes[1].scene"] == "is missing"
    assert found["quality"] == "must be one of draft, standard, high"
    assert "exactly 2 entries" in found["rate"]


def test_an_unknown_field_deep_in_the_body_is_an_error():
    found = details(refused({"scenes": [{"scene": "a", "colors": {}}]}))
    assert "did you mean `colours`?" in found["scenes[0].colors"]


def test_a_field_that_the_edge_fills_is_refused_from_a_caller():
    reader = BodyReader(CreateApiKey, ("secret_sha256", "hint"), "PostCreateApiKey")
    assert "is not a field" in details(refused({"name": "x", "scopes": [], "secret_sha256": "00"}, reader))["secret_sha256"]


def test_a_right_body_becomes_its_command():
    command = READER.read(b'{"project_id":"11111111-1111-4111-8111-111111111111","scenes":[{"scene":"a","texts":{"t":"\\u0633"}}]}', {})
    assert type(command) is RequestRender
    assert command.scenes[0].texts == {"t": "س"}
    assert READER.read(b"", {}) == RequestRender()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "request.malformed"),
        (b"\xff\xfe", "request.malformed"),
        (b"[]", "request.invalid"),
        (b"null", "request.invalid"),
        (b'{"metadata":' + b'{"a":' * 20000 + b"1" + b"}" * 20000 + b"}", "request.malformed"),
        (b'{"width":1e400}', "request.invalid"),
        (b'{"background":"\\ud800"}', "request.invalid"),
    ],
)
def test_what_is_no_command_is_refused_and_not_a_fault(body, code):
    assert refused(body).code == code


def test_metadata_is_bounded_in_size_and_depth():
    assert "at most 4,096" in refused({"metadata": {"a": "x" * METADATA_LIMIT}}).detail
    deep = {}
    for _ in range(40):
        deep = {"a": deep}
    assert "nested" in refused({"metadata": deep}).detail
    assert READER.read(json.dumps({"metadata": {"a": [1, {"b": None}]}}).encode(), {}).metadata == {"a": [1, {"b": None}]}


def test_a_nul_character_is_refused_where_it_stands_but_not_the_six_letters():
    assert set(details(refused(b'{"scenes":[{"scene":"a","texts":{"t":"x\\u0000"}}]}'))) == {"scenes[0].texts.t"}
    assert READER.read(b'{"preset":"\\\\u0000"}', {}).preset == "\\u0000"


def test_numbers_that_are_none_and_half_characters_are_refused_where_they_stand():
    for bad in (b"NaN", b"1e400", b"-Infinity", b'"\\ud800"', b'"\\udc00 x"'):
        assert set(details(refused(b'{"metadata":{"a":[0,' + bad + b"]}}"))) == {"metadata.a[1]"}
    assert set(details(refused(b'{"metadata":{"\\ud800":1}}'))) == {"metadata.\\ud800"}
    assert READER.read(b'{"metadata":{"a":"\\ud83d\\ude00"}}', {}).metadata == {"a": "\U0001f600"}


def test_metadata_that_is_nested_by_the_hundred_is_refused_by_its_name():
    assert set(details(refused(b'{"metadata":' + b'{"a":' * 500 + b"1" + b"}" * 501))) == {"metadata"}


def test_a_thousand_mistakes_are_listed_up_to_fifty():
    assert len(refused({f"f{number}": 1 for number in range(1000)}).errors) == 50


def test_the_limit_is_that_of_a_message():
    from contracts.message import MAX_BODY

    assert COMMAND_LIMIT == MAX_BODY


def test_the_strict_type_decodes_what_the_command_encodes():
    command = RequestRender(scenes=(), metadata={"a": 1}, rate=(30000, 1001))
    assert READER.read(msgspec.json.encode(command), {}) == command
