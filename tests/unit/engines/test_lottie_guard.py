"""Hostile documents are refused, in bounded memory and with a reason."""

import json
import math
import resource
from typing import Any

import pytest

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import guard
from node_worker.engines.lottie.structure import settle


def refusal(document: Any) -> str:
    with pytest.raises(TemplateRefused) as caught:
        found = guard.parse(document if isinstance(document, bytes) else json.dumps(document).encode())
        guard.check(found)
        settle(found, shaped=False)
    assert caught.value.detail
    return caught.value.code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"fr": 0}, "lottie.bad_rate"),
        ({"fr": -30}, "lottie.bad_rate"),
        ({"fr": "30"}, "lottie.bad_rate"),
        ({"op": 0}, "lottie.no_frames"),
        ({"op": None}, "lottie.no_frames"),
        ({"ip": 61}, "lottie.no_frames"),
        ({"op": 1e9}, "lottie.too_long"),
        ({"op": 108_001}, "lottie.too_long"),
        ({"w": 0}, "lottie.bad_size"),
        ({"w": 1_000_000_000, "h": 1_000_000_000}, "lottie.bad_size"),
        ({"h": True}, "lottie.bad_size"),
        ({"layers": {}}, "lottie.bad_structure"),
        ({"layers": [1]}, "lottie.bad_structure"),
        ({"assets": {"a": 1}}, "lottie.bad_structure"),
    ],
)
def test_impossible_measures_are_refused(build: Any, fields: dict[str, Any], code: str) -> None:
    document = build.document(**fields)
    expected = "lottie.no_layers" if fields.get("layers") == {} else code
    assert refusal(document) == expected


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"nonsense", b'{"w": NaN}', b'{"a":"\xff"}', b'{"a":1', b'{"w":1e999}', b'{"a":"\\ud800"', b"\x00"]
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    assert refusal(raw) in ("lottie.not_json", "lottie.bad_size")


def test_a_document_in_an_old_encoding_is_told_so() -> None:
    with pytest.raises(TemplateRefused, match="encoding that is not UTF-8; save it in UTF-8") as caught:
        guard.parse('{"nm": "Überschrift"}'.encode("latin-1"))
    assert caught.value.code == "lottie.not_json"


@pytest.mark.parametrize("raw", [b"[" * (50 << 20), b"[" * (19 << 20), b'{"a":' * 100_000, b"[]," * (6 << 20), b"1," * (9 << 20)])
def test_deep_and_large_documents_are_refused_within_256_megabytes(raw: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(raw) in ("lottie.too_large", "lottie.too_deep", "lottie.not_json")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 << 10


def test_a_bracket_inside_a_text_does_not_count_as_depth(build: Any) -> None:
    guard.check(guard.parse(json.dumps(build.document(nm="[" * 5000 + '\\"')).encode()))


def test_a_composition_that_contains_itself_is_refused(build: Any) -> None:
    itself = {"id": "a", "layers": [build.layer(0, "x", refId="a")]}
    assert refusal(build.document(assets=[itself])) == "lottie.circle"
    through = [{"id": "a", "layers": [build.layer(0, "x", refId="b")]}, {"id": "b", "layers": [build.layer(0, "x", refId="a")]}]
    assert refusal(build.document(build.layer(0, "x", refId="b"), assets=through)) == "lottie.circle"


def test_parents_and_mattes_in_a_circle_are_refused(build: Any) -> None:
    parents = [build.layer(3, "a", ind=1, parent=2), build.layer(3, "b", ind=2, parent=1)]
    assert refusal(build.document(*parents)) == "lottie.circle"
    assert refusal(build.document(build.layer(4, "a", ind=1, tp=1, tt=1, shapes=[]))) == "lottie.circle"


def test_compositions_that_multiply_are_refused(build: Any) -> None:
    assets = [{"id": "0", "layers": [build.layer(3, "leaf")]}]
    assets += [{"id": str(n), "layers": [build.layer(0, "x", refId=str(n - 1)) for _ in range(10)]} for n in range(1, 10)]
    assert refusal(build.document(build.layer(0, "x", refId="9"), assets=assets)) == "lottie.too_complex"


def test_a_long_chain_of_compositions_is_refused(build: Any) -> None:
    assets = [{"id": "0", "layers": []}] + [{"id": str(n), "layers": [build.layer(0, "x", refId=str(n - 1))]} for n in range(1, 200)]
    assert refusal(build.document(assets=assets)) in ("lottie.too_deep", "lottie.too_complex")


def test_repeaters_with_huge_products_are_refused(build: Any) -> None:
    def repeater(copies: Any) -> dict[str, Any]:
        return {"ty": "rp", "c": copies}

    one = [{"ty": "rc"}, repeater({"a": 0, "k": 100_000})]
    assert refusal(build.document(build.layer(4, "x", shapes=one))) == "lottie.too_complex"
    nested = [{"ty": "gr", "it": [{"ty": "rc"}, repeater({"a": 0, "k": 9000})]}, repeater({"a": 1, "k": [{"t": 0, "s": [9000]}]})]
    assert refusal(build.document(build.layer(4, "x", shapes=nested))) == "lottie.too_complex"


def test_a_star_with_a_million_points_is_refused(build: Any) -> None:
    assert refusal(build.document(build.layer(4, "x", shapes=[{"ty": "sr", "pt": {"a": 0, "k": 1e6}}]))) == "lottie.too_complex"


def test_numbers_exclude_truth_values_and_infinities() -> None:
    assert guard.number(2) == 2.0
    assert all(math.isnan(guard.number(value)) for value in (True, None, "1", math.inf, math.nan))
