"""Resolves an SVG's style sheets and style attributes into plain attributes, as far as drawing programs write them."""

import re
from collections.abc import Iterator

from node_worker.pictures.svg.source import Node, complex_

# Properties that are drawn, and their names as attributes.
PROPERTIES = frozenset(
    (
        "fill",
        "fill-opacity",
        "fill-rule",
        "clip-rule",
        "clip-path",
        "mask",
        "mask-type",
        "filter",
        "opacity",
        "color",
        "display",
        "visibility",
    )
) | frozenset(("stroke", "stroke-opacity", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-dasharray"))
PROPERTIES |= frozenset(("stroke-dashoffset", "stop-color", "stop-opacity", "transform", "mix-blend-mode"))
PROPERTIES |= frozenset(("marker", "marker-start", "marker-mid", "marker-end"))
_MOST_RULES, _LONGEST_SHEET, _LONGEST_SELECTOR = 2000, 1 << 20, 200
_MOST_WORK = 1_000_000  # rules that are looked at for all nodes together
_SELECTOR = re.compile(r"([\w-]+|\*)?((?:[.#][\w-]+)*)$")
_NAMES = re.compile(r"[.#][\w-]+")

Declarations = dict[str, str]


class Sheet:
    """The rules of all style sheets, found by what a simple selector names; others, such as children of something, are passed over."""

    def __init__(self, root: Node, field: str) -> None:
        self._field, self._work = field, 0
        self._rules: dict[str, list[tuple[tuple[int, int], set[str], Declarations]]] = {}
        self._known: dict[Node, Declarations] = {}
        order = 0
        for selectors, body in _rules("".join(node.text for node in root.walk() if node.tag == "style")[:_LONGEST_SHEET]):
            declared = declarations(body)
            for selector in selectors.split(","):
                match = _SELECTOR.match(selector.strip()[:_LONGEST_SELECTOR])
                if match is not None and match[0] and order < _MOST_RULES:
                    order += 1
                    self._add(match, order, declared)

    def _add(self, match: re.Match[str], order: int, declared: Declarations) -> None:
        names, tag = _NAMES.findall(match[2]), match[1] not in (None, "*")
        weight = 100 * sum(name[0] == "#" for name in names) + 10 * sum(name[0] == "." for name in names) + tag
        wanted = {*names, match[1]} if tag else set(names)
        self._rules.setdefault(names[-1] if names else match[1], []).append(((weight, order), wanted, declared))

    def of(self, node: Node) -> Declarations:
        """A node's properties: its attributes, then rules from weak to strong, then its style attribute."""
        if node not in self._known:
            self._known[node] = self._found(node)
        return self._known[node]

    def _found(self, node: Node) -> Declarations:
        found = {key: value.strip() for key, value in node.attributes.items() if key in PROPERTIES}
        names = {node.tag, "*", *(f".{name}" for name in node.attributes.get("class", "").split())}
        if "id" in node.attributes:
            names.add(f"#{node.attributes['id']}")
        rules = [rule for name in sorted(names) for rule in self._rules.get(name, ()) if rule[1] <= names]
        self._work += 1 + sum(len(self._rules.get(name, ())) for name in names)
        if self._work > _MOST_WORK:
            raise complex_(self._field, "has too many style rules for its parts")
        for _, _, declared in sorted(rules, key=lambda rule: rule[0]):
            found.update(declared)
        found.update(declarations(node.attributes.get("style", "")))
        return found


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and bodies; comments, imports and rules for media are left out. Goes through the text once."""
    first, *rest = text.replace("<!--", "").replace("-->", "").split("/*")
    text = first + "".join(part.partition("*/")[2] for part in rest)
    at = 0
    while (opened := text.find("{", at)) >= 0:
        selectors = text[at:opened].rpartition(";")[2].strip()
        if selectors.startswith("@"):
            at = _end_of_block(text, opened)
            continue
        closed = text.find("}", opened)
        if closed < 0:
            return
        yield selectors, text[opened + 1 : closed]
        at = closed + 1


def _end_of_block(text: str, opened: int) -> int:
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, opened):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.end()
    return len(text)


def declarations(body: str) -> Declarations:
    """The properties that a style body declares."""
    found = {}
    for part in body.split(";"):
        key, colon, value = part.partition(":")
        if colon and key.strip().lower() in PROPERTIES:
            found[key.strip().lower()] = value.replace("!important", "").strip()
    return found
