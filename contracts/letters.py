"""How texts are set in lines, and how wide a line is, roughly: what those who draw share with those who decide before, without a font."""

import re
import unicodedata

SCALES = tuple(1 - step / 20 for step in range(11))  # of its designed size: those tried one after another for a text in a box
LINE_END = re.compile(r"\r\n|[\r\n\x03\u2028\u2029]")  # U+0003 is what designing programs write for a line break

# In ems, the means of FiraGO over sentences of each script; what another font differs by is measured where a template is read.
_NARROW, _WIDE = frozenset("iljtfrI|'.,:;!"), frozenset("mwMW@%")
_OF_CATEGORY = {"Lu": 0.59, "Ll": 0.52, "Lo": 0.55, "Nd": 0.5, "Zs": 0.27, "So": 1.2, "Mn": 0.0, "Me": 0.0, "Cf": 0.0, "Cc": 0.0}
_PUNCTUATION, _OTHER = 0.35, 0.56
_ARABIC = 0.44  # letters that join are narrower


def ems(line: str) -> float:
    """The width of a line in units of its font's size."""
    return sum(map(_width, line))


def _width(char: str) -> float:
    if char in _NARROW:
        return 0.31
    if char in _WIDE:
        return 0.8
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    category = unicodedata.category(char)
    if "\u0600" <= char <= "\u08ff" and category == "Lo":
        return _ARABIC
    return _OF_CATEGORY.get(category, _PUNCTUATION if category[0] == "P" else _OTHER)
