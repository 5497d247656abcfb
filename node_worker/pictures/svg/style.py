"""Resolves an SVG's style sheets and style attributes into plain attributes, as far as drawing programs write them."""

import re

from node_worker.pictures.svg.source import Node

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
MOST_RULES = 5000
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SELECTOR = re.compile(r"([\w-]+|\*)?((?:[.#][\w-]+)*)$")
_AT = re.compile(r"@[\w-]+[^{};]*(;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})")

Declarations = dict[str, str]


class Sheet:
    """The rules of all style sheets, found by what a simple selector names; others, such as children of something, are passed over."""

    def __init__(self, root: Node) -> None:
        text = "".join(node.text for node in root.walk() if node.tag == "style")
        self._rules: dict[str, list[tuple[tuple[int, int], set[str], Declarations]]] = {}
        order = 0
        for selectors, body in _RULE.findall(_AT.sub("", _COMMENT.sub("", text))):
            declared = declarations(body)
            for selector in selectors.split(","):
                match = _SELECTOR.match(selector.strip())
                if match is None or not selector.strip() or order >= MOST_RULES:
                    continue
                order += 1
                names = re.findall(r"[.#][\w-]+", match[2])
                wanted = set(names) | ({match[1]} if match[1] not in (None, "*") else set())
                weight = (
                    100 * sum(name[0] == "#" for name in names) + 10 * sum(name[0] == "." for name in names) + (match[1] not in (None, "*"))
                )
                self._rules.setdefault(names[-1] if names else match[1] or "*", []).append(((weight, order), wanted, declared))

    def of(self, node: Node) -> Declarations:
        """A node's properties: its attributes, then rules from weak to strong, then its style attribute."""
        found = {key: value.strip() for key, value in node.attributes.items() if key in PROPERTIES}
        names = {node.tag, *(f".{name}" for name in node.attributes.get("class", "").split())}
        if "id" in node.attributes:
            names.add(f"#{node.attributes['id']}")
        rules = [rule for name in sorted({*names, "*"}) for rule in self._rules.get(name, ()) if rule[1] <= names]
        for _, _, declared in sorted(rules, key=lambda rule: rule[0]):
            found.update(declared)
        found.update(declarations(node.attributes.get("style", "")))
        return found


def declarations(body: str) -> Declarations:
    """The properties that a style body declares."""
    found = {}
    for part in body.split(";"):
        key, colon, value = part.partition(":")
        if colon and key.strip().lower() in PROPERTIES:
            found[key.strip().lower()] = value.replace("!important", "").strip()
    return found
