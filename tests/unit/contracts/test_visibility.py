"""Masks: what is shown of a Struct's JSON, by the markers of its fields."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest

from contracts.identity.api_keys import CreateApiKey
from contracts.message import Event, message
from contracts.personal import fields_of
from contracts.visibility import Discreet, Internal, Personal, Public, Secret, Visibility, columns, markers, mask, told, visible

Name = Public[Annotated[str, msgspec.Meta(max_length=5)]]
Place = Internal[str]


class Part(msgspec.Struct, omit_defaults=True):
    """Something within another."""

    open: Public[float]
    place: Place = ""
    unmarked: str = ""


class Cat(msgspec.Struct, tag="cat"):
    """One of two kinds."""

    claws: Public[int]
    chip: Secret[str]


class Collar(msgspec.Struct, frozen=True):
    """What one of them wears."""

    chip: Secret[str]


class Dog(msgspec.Struct, tag="dog"):
    """The other."""

    bark: Public[str]


class Thing(msgspec.Struct, kw_only=True):
    """All ways in which one thing holds another."""

    part: Public[Part | None] = None
    parts: Public[tuple[Part, ...]] = ()
    listed: Public[list[Part]] = []
    of_name: Public[dict[str, Part]] = {}
    pair: Public[tuple[int, Part] | None] = None
    deep: Public[dict[str, tuple[Part | None, ...]]] = {}
    pet: Public[Cat | Dog | None] = None
    any: Public[dict[str, Any]] = {}
    name: Name | None = None
    price: Public[float] = 0.0
    hidden: Internal[Part | None] = None
    mail: Personal[str] = ""


def shown(body: bytes, kind: Any = Thing) -> Any:
    return msgspec.json.decode(mask(kind)(body))


PART = b'{"open":1,"place":"p","unmarked":"u"}'


@pytest.mark.parametrize(
    ("field", "holds", "left"),
    [
        ("part", b"%b", {"open": 1}),
        ("parts", b"[%b]", [{"open": 1}]),
        ("listed", b"[%b]", [{"open": 1}]),
        ("of_name", b'{"a":%b}', {"a": {"open": 1}}),
        ("pair", b"[7,%b]", [7, {"open": 1}]),
        ("deep", b'{"a":[null,%b]}', {"a": [None, {"open": 1}]}),
    ],
)
def test_what_is_not_public_is_hidden_in_every_container(field: str, holds: bytes, left: Any) -> None:
    assert shown(b'{"%b":%b}' % (field.encode(), holds.replace(b"%b", PART))) == {field: left}


def test_a_field_without_a_marker_and_one_that_is_not_declared_are_hidden() -> None:
    assert shown(b'{"part":{"open":1,"later":2},"later":3,"hidden":{"open":1},"mail":"m"}') == {"part": {"open": 1}}


def test_one_of_several_kinds_is_shown_as_its_kind_and_an_unknown_one_not_at_all() -> None:
    assert shown(b'{"pet":{"type":"cat","claws":18,"chip":"c"}}') == {"pet": {"type": "cat", "claws": 18}}
    assert shown(b'{"pet":{"type":"dog","bark":"b"}}') == {"pet": {"type": "dog", "bark": "b"}}
    with pytest.raises(msgspec.ValidationError):
        shown(b'{"pet":{"type":"cow","bark":"b"}}')


def test_what_is_shown_keeps_the_way_it_was_written() -> None:
    body = b'{"part":{"open":2.50},"any":{"a": [1.0,  "\\u00e4"]},"name":"longer than allowed","price":1e2}'
    assert mask(Thing)(body) == body
    assert mask(Thing)(b'{"price":"of an earlier release","part":null}') == b'{"part":null,"price":"of an earlier release"}'
    assert mask(Thing)(b"{}") == b"{}"


def test_a_type_of_a_domain_carries_its_marker_and_may_be_closed_further() -> None:
    made: Any = msgspec.defstruct("Made", [("a", Name), ("b", Name | None), ("c", Internal[Name]), ("d", Place | None), ("e", UUID)])
    expected = {
        "a": Visibility.PUBLIC,
        "b": Visibility.PUBLIC,
        "c": Visibility.INTERNAL,
        "d": Visibility.INTERNAL,
        "e": Visibility.INTERNAL,
    }
    assert markers(made) == expected


@pytest.mark.parametrize(
    "kind",
    [
        Public[Place],
        Public[tuple[Secret[str], ...]],
        Public[dict[str, Personal[str]]],
        Public[Sequence[Part]],
        Public[Mapping[str, Part]],
        Public[Part | int],
        Public[tuple[Part, ...] | Part],
        Public[tuple[Part, ...] | str],
        Public[dict[str, Part] | int | None],
        Public[dict[Place, int]],
        Public[dict[Secret[str], Part]],
        Public[tuple[dict[str, dict[Place, int]], ...]],
        Public[object],
        Public[bytearray],
        Name | Place,
    ],
    ids=str,
)
def test_what_would_open_what_is_closed_or_is_not_understood_is_refused_where_it_is_declared(kind: Any) -> None:
    with pytest.raises(TypeError):
        message("content.nothing.happened", public=True)(
            msgspec.defstruct("Wrong", [("field", kind)], bases=(Event,), kw_only=True, frozen=True)
        )


def test_an_array_of_values_in_which_nothing_can_be_left_out_is_public_as_a_whole_or_refused() -> None:
    whole = msgspec.defstruct("Whole", [("a", Public[int]), ("b", Public[str])], array_like=True)
    half = msgspec.defstruct("Half", [("a", Public[int]), ("b", str)], array_like=True)
    assert shown(b'{"x":[[1,"b",3]]}', msgspec.defstruct("Holds", [("x", Public[tuple[whole, ...]])])) == {"x": [[1, "b", 3]]}  # type: ignore[valid-type]
    with pytest.raises(TypeError):
        visible(msgspec.defstruct("Holds", [("x", Public[half])]))  # type: ignore[valid-type]


@pytest.mark.parametrize("holds", [Part, Part | None, tuple[Part, ...], dict[str, Part], Cat | Dog], ids=str)
def test_an_array_of_values_holds_nothing_that_has_something_to_hide_however_deep(holds: Any) -> None:
    pair = msgspec.defstruct("Pair", [("a", Public[int]), ("b", Public[holds])], array_like=True)  # type: ignore[valid-type]
    outer = msgspec.defstruct("Outer", [("pairs", Public[tuple[pair, ...]])], array_like=True)  # type: ignore[valid-type]
    for kind in (pair, outer):
        with pytest.raises(TypeError, match="written as an array"):
            visible(msgspec.defstruct("Holds", [("x", Public[kind])]))  # type: ignore[valid-type]
    open_one = msgspec.defstruct("Pair", [("a", Public[int]), ("b", Public[Dog])], array_like=True)
    body = b'{"x":[1,{"type":"dog","bark":"b"}]}'
    assert mask(msgspec.defstruct("Holds", [("x", Public[open_one])]))(body) == body  # type: ignore[valid-type]


class Tree(msgspec.Struct):
    """Something that holds more of its kind."""

    grown: "Public[tuple[Tree, ...]]"


def test_what_holds_itself_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="Tree stands within itself"):
        visible(Tree)


def test_a_field_is_as_closed_as_the_most_closed_part_of_it() -> None:
    made: Any = msgspec.defstruct(
        "Made",
        [
            ("a", tuple[Personal[str], ...]),
            ("b", Internal[dict[Secret[str], int]]),
            ("c", list[Place] | None),
            ("d", Personal[list[Place]]),
        ],
    )
    expected = {"a": Visibility.PERSONAL, "b": Visibility.SECRET, "c": Visibility.INTERNAL, "d": Visibility.PERSONAL}
    assert markers(made) == expected
    assert tuple(fields_of(made, Visibility.PERSONAL)) == ("a", "d")
    assert mask(made, most=Visibility.INTERNAL)(b'{"a":["m"],"b":{"s":1},"c":["p"]}') == b'{"c":["p"]}'


def test_what_is_made_for_the_outside_is_public_but_for_what_says_otherwise() -> None:
    answer = msgspec.defstruct("Answer", [("id", int), ("salt", Secret[str]), ("part", Part)])
    assert set(visible(answer, Visibility.PUBLIC).__struct_fields__) == {"id", "part"}
    assert mask(answer, Visibility.PUBLIC)(b'{"id":1,"salt":"s","part":%b}' % PART) == b'{"id":1,"part":{"open":1}}'


def test_a_struct_in_which_nothing_is_hidden_is_itself_and_another_keeps_its_name_its_words_and_its_bounds() -> None:
    assert visible(Dog) is Dog
    seen = visible(Thing)
    assert (seen.__name__, seen.__doc__) == ("Thing", Thing.__doc__)
    assert "mail" not in seen.__struct_fields__
    schema = msgspec.json.schema_components([seen])[1]
    assert set(schema["Part"]["properties"]) == {"open"}
    assert {"maxLength": 5, "type": "string"} in schema["Thing"]["properties"]["name"]["anyOf"]


def test_an_operator_is_told_all_but_what_is_secret_or_a_persons() -> None:
    body = b'{"part":{"open":1,"place":"p"},"pet":{"type":"cat","claws":1,"chip":"c"},"mail":"m"}'
    seen = msgspec.json.decode(mask(Thing, most=Visibility.INTERNAL)(body))
    assert seen == {"part": {"open": 1, "place": "p"}, "pet": {"type": "cat", "claws": 1}}
    assert (told(Thing, "mail", "m"), told(Thing, "price", 2)) == ("(personal)", 2)
    assert told(Thing, "pet", {"type": "cat", "claws": 1, "chip": "c"}) == {"type": "cat", "claws": 1}


def test_the_columns_of_a_row_are_masked_one_by_one() -> None:
    seen = columns(Thing)
    assert "mail" not in seen and "hidden" not in seen
    assert seen["price"] is None and seen["any"] is None
    assert (hide := seen["parts"]) and hide(msgspec.Raw(b"[%b]" % PART)) == b'[{"open":1}]'


def test_a_message_in_a_log_line_names_neither_a_secret_nor_a_person() -> None:
    class Held(Discreet, frozen=True):
        things: tuple[Thing, ...]

    class Several(Discreet, frozen=True):
        cats: Internal[frozenset[Any]]
        mails: Internal[tuple[Personal[str], ...]]
        of_token: dict[Secret[str], int]

    text = f"{CreateApiKey(name='n', scopes=('*',), salt='SALT', secret_sha256='HASH')!r} {Held((Thing(mail='MAIL', price=2.0),))!r}"
    text += repr(Several(frozenset([Collar(chip="CHIP")]), ("MAILS",), {"TOKEN": 1}))
    assert "'n'" in text and "2.0" in text and "(secret)" in text and "(personal)" in text
    assert not [secret for secret in ("SALT", "HASH", "MAIL", "CHIP", "TOKEN") if secret in text]
