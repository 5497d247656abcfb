"""Parses an SVG within bounds into plain nodes, without its document type's files."""

import re
import zlib
from collections.abc import Iterator
from xml.parsers import expat

from node_worker.engines.base import TemplateRefused

LARGEST = 10 << 20  # bytes of an unpacked drawing
MOST_NODES, DEEPEST = 50_000, 60
_MOST_ENTITIES, _LONGEST_ENTITY = 100, 1000  # drawing programs declare a dozen names of their own
_SVG = "http://www.w3.org/2000/svg"


class Node:
    """An element: its name and attributes without prefixes, and its children."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.children: list[Node] = []
        self.text = ""

    def walk(self) -> "Iterator[Node]":
        """This node and all below it, in document order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


def complex_(field: str, what: str) -> TemplateRefused:
    """The refusal of a drawing that is too much."""
    return TemplateRefused("picture.svg_complex", f"The SVG {what}; simplify it, or save it as PNG.", field)


def unpacked(raw: bytes, most: int) -> bytes:
    """The first bytes of what gzip packed; nothing if it is damaged."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, most)
    except zlib.error:
        return b""


def parse(raw: bytes, field: str) -> Node:
    """The drawing's root. Raises TemplateRefused picture.unreadable or picture.svg_complex."""
    if raw.startswith(b"\x1f\x8b"):
        raw = unpacked(raw, LARGEST + 1)
    if len(raw) > LARGEST:
        raise complex_(field, f"is larger than {LARGEST >> 20} MB")
    builder = _Builder(field)
    try:
        builder.parser.Parse(raw, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise TemplateRefused("picture.unreadable", f"The SVG is damaged ({error}); save it again.", field) from error
    if builder.root is None or builder.root.tag != "svg":
        raise TemplateRefused("picture.unreadable", "The file is XML, but no SVG; save it again as plain SVG.", field)
    return builder.root


class _Builder:
    """Takes the parser's events."""

    def __init__(self, field: str) -> None:
        self._field = field
        self.root: Node | None = None
        self._open: list[Node] = []
        self._prefixes = {"", "svg"}
        self._count = self._entities = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        # Without a handler for files outside, the parser opens none.
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def _entity(self, name: str, parameter: bool, value: str | None, *rest: object) -> None:
        self._entities += 1
        if self._entities > _MOST_ENTITIES or (value is not None and (len(value) > _LONGEST_ENTITY or "&" in value or "%" in value)):
            raise complex_(self._field, "declares names that stand for each other")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_NODES or len(self._open) >= DEEPEST:
            raise complex_(self._field, f"has more than {MOST_NODES} parts, or is nested more than {DEEPEST} deep")
        self._prefixes |= {key[6:] for key, value in attributes.items() if key.startswith("xmlns:") and value == _SVG}
        prefix, _, local = name.rpartition(":")
        node = Node(local if prefix in self._prefixes else f"?{name}", {_local(key): value for key, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(node)
        elif self.root is None:
            self.root = node
        self._open.append(node)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if self._open and self._open[-1].tag in ("style", "text", "tspan", "textPath"):
            self._open[-1].text += text


def _local(key: str) -> str:
    """A reference's name is the same with and without its prefix; other foreign names stay foreign."""
    return "href" if re.fullmatch(r"[\w.-]+:href", key) else key
