"""Changes expressions where JavaScript itself cannot say what is meant: loops are counted, and a number that is an object may be false.

Reads tokens, not grammar: where it cannot tell how far an operand goes, it leaves it as it is.
"""

import re
from typing import NamedTuple

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_$\u0080-\uffff][\w$]*")
_NUMBER = re.compile(r"(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?")
_STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`""", re.DOTALL)
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
_MARK = re.compile(
    r">>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|[-+*/%&|^]=|<<|>>|\*\*|[-+*/%&|^!~?:;,.(){}\[\]<>=]"
)
_PARTNERS = {")": "(", "]": "[", "}": "{"}
_BINARY = frozenset(
    ("+", "-", "*", "/", "%", "**", "<<", ">>", ">>>", "<", ">", "<=", ">=", "==", "!=", "===", "!==", "&", "^", "|", "in", "instanceof")
)
_PREFIX = frozenset(("!", "~", "typeof", "void", "delete", "new"))
_NO_OPERANDS = frozenset(
    (
        "return",
        "typeof",
        "void",
        "delete",
        "new",
        "in",
        "instanceof",
        "of",
        "case",
        "do",
        "else",
        "throw",
        "if",
        "while",
        "for",
        "with",
        "yield",
        "await",
    )
)
_CONTROL = frozenset(("if", "while", "for", "with"))
_METHODS = (
    "valueAtTime|velocityAtTime|speedAtTime|key|nearestKey|numKeys|loopOut\\w*|loopIn\\w*|wiggle|temporalWiggle|smooth|propertyGroup|propertyIndex"
    "|velocity|speed|style|getStyleAt|createStyle|name"
)
_OBJECTS = re.compile(rf"(?<!thisProperty)\.\s*(?:{_METHODS})\b")
_LOOPS = re.compile(r"\b(?:for|while)\b")
_CATCHES = re.compile(r"\bcatch\b")


class Token(NamedTuple):
    """A part of an expression's text that is no blank, and where it begins."""

    text: str
    start: int
    kind: str  # word, number, string, regex, mark

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


class _Unclear(Exception):
    """The text is not understood."""


def uses_objects(text: str) -> bool:
    """Whether an expression uses a property's methods on others than its own, so that it must be given properties instead of numbers."""
    return _OBJECTS.search(text) is not None


def guarded(text: str, *, objects: bool) -> str:
    """Let the expression's loops be counted by `$n()`, and with `objects` every condition go through `$t()`.

    What it catches goes through `$f()`: how much memory there was, or how deep it could go, is nothing that a value may follow from.
    """
    loops = _LOOPS.search(text) is not None
    if not loops and not objects and _CATCHES.search(text) is None:
        return text
    try:
        return _Guard(text).guarded(loops=loops, conditions=objects)
    except (_Unclear, IndexError):
        return text


def tokens(text: str) -> list[Token]:
    """An expression's tokens. Raises _Unclear."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        if match := _SPACE.match(text, at):
            at = match.end()
            continue
        for kind, pattern in (("word", _WORD), ("number", _NUMBER), ("string", _STRING), ("regex", _REGEX), ("mark", _MARK)):
            if kind == "regex" and found and _ends(found[-1]):
                continue
            if match := pattern.match(text, at):
                found.append(Token(match[0], at, kind))
                at = match.end()
                break
        else:
            raise _Unclear
    return found


def _ends(token: Token) -> bool:
    """Whether an operand may end with a token."""
    if token.kind == "mark":
        return token.text in (")", "]", "}")
    return token.text not in _NO_OPERANDS


class _Guard:
    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, tokens(text)
        self._insertions: list[tuple[int, int, str]] = []  # where, whether it opens, what
        self._partner: dict[int, int] = {}
        self._holder: dict[int, int] = {}  # the bracket around a token
        stack: list[int] = []
        for index, token in enumerate(self._tokens):
            if token.kind == "mark" and token.text in _PARTNERS:
                if not stack or self._tokens[stack[-1]].text != _PARTNERS[token.text]:
                    raise _Unclear
                opened = stack.pop()
                self._partner[opened], self._partner[index] = index, opened
            self._holder[index] = stack[-1] if stack else -1
            if token.kind == "mark" and token.text in ("(", "[", "{"):
                stack.append(index)
        if stack:
            raise _Unclear

    def guarded(self, *, loops: bool, conditions: bool) -> str:
        """The text with what was inserted."""
        for index, token in enumerate(self._tokens):
            if token.kind == "word" and token.text in ("while", "for", "if") and self._is(index + 1, "(") and not self._is(index - 1, "."):
                self._control(index, loops=loops, conditions=conditions)
            elif token.kind == "word" and token.text == "catch" and not self._is(index - 1, "."):
                self._catch(index)
            elif conditions and token.kind == "mark" and token.text in ("&&", "||", "?", "!"):
                try:
                    self._wrap(*((self._right(index)) if token.text == "!" else (self._left(index - 1), index - 1)))
                except _Unclear:
                    continue
        out, at = [], 0
        for where, _, what in sorted(self._insertions, key=lambda one: one[:2]):
            out += [self._text[at:where], what]
            at = where
        return "".join([*out, self._text[at:]])

    def _is(self, index: int, text: str) -> bool:
        return 0 <= index < len(self._tokens) and self._tokens[index].text == text and self._tokens[index].kind == "mark"

    def _insert(self, first: int, last: int, before: str) -> None:
        self._insertions.append((self._tokens[first].start, 1, before))
        self._insertions.append((self._tokens[last].end, 0, ")"))

    def _wrap(self, first: int, last: int) -> None:
        self._insert(first, last, "$t(")

    def _catch(self, index: int) -> None:
        """What is caught, by its own name or where it has none by one of ours."""
        at = index + 1
        if self._is(at, "(") and self._partner[at] == at + 2 and self._tokens[at + 1].kind == "word":
            name, at = self._tokens[at + 1].text, at + 3
        elif self._is(at, "{"):
            name = "$e"
            self._insertions.append((self._tokens[index].end, 1, "($e)"))
        else:
            return
        if self._is(at, "{"):
            self._insertions.append((self._tokens[at].end, 0, f"$f({name});"))

    def _control(self, index: int, *, loops: bool, conditions: bool) -> None:
        """A condition in brackets, or that of a `for` with its three parts."""
        opened, word = index + 1, self._tokens[index].text
        closed = self._partner[opened]
        if word == "for":
            parts = [n for n in range(opened + 1, closed) if self._is(n, ";") and self._holder[n] == opened]
            if len(parts) != 2 or not loops:
                return
            if parts[1] == parts[0] + 1:
                self._insertions.append((self._tokens[parts[0]].end, 1, "$n()"))
            else:
                self._insert(parts[0] + 1, parts[1] - 1, "$n()&&$t(" if conditions else "$n()&&(")
        elif closed > opened + 1 and (word == "while" or conditions):
            call = "$t(" if conditions else "("
            self._insert(opened + 1, closed - 1, f"$n()&&{call}" if word == "while" and loops else call)

    def _left(self, last: int) -> int:
        """Where the operand begins that ends with a token."""
        at = last
        while True:
            token = self._tokens[at]
            if at < 0 or not _ends(token):
                raise _Unclear
            if token.kind == "mark":
                if token.text == "}":
                    raise _Unclear
                at = self._partner[at]
                if at > 0 and _ends(self._tokens[at - 1]) and not self._is(at - 1, "}") and not self._is_control(at):
                    at -= 1
                    continue
            if self._is(at - 1, ".") or self._is(at - 1, "?."):
                at -= 2
                continue
            while at > 0 and self._is_prefix(at - 1):
                at -= 1
            if at > 0 and self._tokens[at - 1].text in _BINARY and self._tokens[at - 1].kind != "string":
                at -= 2
                continue
            return at

    def _is_control(self, opened: int) -> bool:
        return self._tokens[opened - 1].kind == "word" and self._tokens[opened - 1].text in _CONTROL

    def _is_prefix(self, index: int) -> bool:
        text = self._tokens[index].text
        if text in _PREFIX:
            return True
        return text in ("+", "-") and (index == 0 or not _ends(self._tokens[index - 1]))

    def _right(self, mark: int) -> tuple[int, int]:
        """The operand behind a `!`: its first and last token."""
        at = mark + 1
        while self._is_prefix(at):
            at += 1
        token = self._tokens[at]
        if token.text in ("function", "{", "class") or (token.kind == "mark" and token.text not in ("(", "[")):
            raise _Unclear
        at = self._partner.get(at, at)
        while at + 1 < len(self._tokens) and self._tokens[at + 1].kind == "mark":
            if self._tokens[at + 1].text in (".", "?."):
                at += 2
            elif self._tokens[at + 1].text in ("(", "["):
                at = self._partner[at + 1]
            else:
                break
        return mark + 1, at
