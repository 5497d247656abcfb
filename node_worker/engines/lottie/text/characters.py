"""What Unicode says of characters, by ICU's tables: scripts, joining, emoji, and old ways of writing the same."""

import functools
import unicodedata
from itertools import pairwise

import icu

VARIANT_TEXT, VARIANT_PICTURE = "\ufe0e", "\ufe0f"
_KEYCAP = "\u20e3"
_BLANK = frozenset("\u2800\u3164\u115f\u1160\uffa0")  # have a glyph that shows nothing
# The scripts whose letters join; letter spacing would tear them apart (CSS Text 4, appendix D).
CURSIVE = frozenset({"Arab", "Syrc", "Mong", "Nkoo", "Mand", "Adlm", "Rohg", "Phag", "Mani", "Ougr", "Sogd", "Chrs"})
_IDEOGRAPHIC = frozenset({"Hani", "Hira", "Kana", "Bopo"})
_SHARED = frozenset({"Zyyy", "Zinh", "Zzzz"})
# Arabic's presentation forms carry the letter's place in its word, which shaping finds by itself.
_PLACES = frozenset(
    icu.Char.getPropertyValueEnum(icu.UProperty.DECOMPOSITION_TYPE, name) for name in ("initial", "medial", "final", "isolated")
)
# Letters by which a language is known that has forms of its own in fonts for many, most telling first.
_LANGUAGES = (("ur", frozenset("ٹڈڑںےہھ")), ("ckb", frozenset("ڕڵێۆ")), ("fa", frozenset("پچژگکی" + "۰۱۲۳۴۵۶۷۸۹")))


@functools.lru_cache(maxsize=4096)
def script_of(char: str) -> str:
    """A character's script by its four letters; Zyyy and Zinh are shared by many."""
    return str(icu.Script.getScript(char).getShortName())


@functools.lru_cache(maxsize=4096)
def _users_of(char: str) -> tuple[str, ...]:
    """The scripts that use a character which is shared by some but not by all, such as the Arabic comma; none for others."""
    if script_of(char) not in _SHARED:
        return ()
    names = [icu.Char.getPropertyValueName(icu.UProperty.SCRIPT, code, 0) for code in icu.Script.getScriptExtensions(char)]
    return tuple(str(name) for name in names if name not in _SHARED)


def scripts_of(text: str) -> list[str]:
    """Each character's script; what many share takes that of its neighbour before, or of the first after it, if that one uses it."""
    scripts = [script_of(char) for char in text]
    last = next((script for script in scripts if script not in _SHARED), "Latn")
    for index, script in enumerate(scripts):
        users = _users_of(text[index])
        if users and last not in users:
            last = users[0]
        scripts[index] = last if script in _SHARED else script
        last = scripts[index]
    return scripts


def language_of(text: str) -> str:
    """The language, as far as letters tell one that fonts treat of their own; "und" else."""
    held = set(text)
    return next((language for language, letters in _LANGUAGES if held & letters), "und")


def east_of(text: str) -> int:
    """Whose forms of Chinese characters a text wants: 0 Japan's, 1 Korea's, 2 simplified, 3 traditional."""
    scripts = {script_of(char) for char in set(text) if char > "\u10ff"}
    for index, telling in ((0, ("Hira", "Kana")), (1, ("Hang",)), (3, ("Bopo",))):
        if scripts.intersection(telling):
            return index
    letters = "".join(char for char in text if script_of(char) == "Hani") if "Hani" in scripts else ""
    # The two national character sets hold the one or the other form of a letter.
    for index, encoding in ((2, "gb2312"), (3, "big5")):
        try:
            letters.encode(encoding)
        except UnicodeEncodeError:
            continue
        return index
    return 2


def ideographic(text: str) -> bool:
    """Whether a text begins with a letter of a script that is set without blanks and stretched between letters."""
    return bool(text) and script_of(text[0]) in _IDEOGRAPHIC


@functools.lru_cache(maxsize=4096)
def ignorable(char: str) -> bool:
    """Whether a character has no picture of its own: joiners, marks of direction, variation selectors."""
    return unicodedata.category(char) in ("Cf", "Cc") or bool(icu.Char.hasBinaryProperty(char, icu.UProperty.DEFAULT_IGNORABLE_CODE_POINT))


def visible(text: str) -> list[str]:
    """The characters that must leave a mark."""
    return [char for char in text if not char.isspace() and not ignorable(char) and char not in _BLANK]


def is_emoji(cluster: str) -> bool:
    """Whether a cluster is meant as a picture: by its own nature, by a variation selector, or as a sequence of emoji (UTS #51)."""
    if cluster.isascii() or VARIANT_TEXT in cluster:
        return False
    if VARIANT_PICTURE in cluster or _KEYCAP in cluster[1:]:
        return _has(cluster[0], icu.UProperty.EMOJI)
    if _has(cluster[0], icu.UProperty.EMOJI_PRESENTATION):
        return len(cluster) > 1 or not _has(cluster[0], icu.UProperty.REGIONAL_INDICATOR)
    return len(cluster) > 1 and _has(cluster[0], icu.UProperty.EMOJI) and _has(cluster[1], icu.UProperty.EMOJI_MODIFIER)


def _has(char: str, name: int) -> bool:
    return bool(icu.Char.hasBinaryProperty(char, name))


def modern(text: str) -> str:
    """A text with the letters themselves in place of presentation forms, such as old programs wrote (U+FB50 to U+FEFC).

    Programs that joined letters by themselves often put them in the order of the screen too; where the forms say so (the last form of a
    word's letters stands first), each stretch of them is turned round.
    """
    if not any("\ufb1d" <= char <= "\ufefc" for char in text):
        return text
    kinds = [_form(char) for char in text]
    if _turned(kinds):
        bidi, whole = icu.Bidi(), icu.UnicodeString(text)
        bidi.setPara(whole, 1)
        text = str(bidi.writeReordered(icu.Bidi.DO_MIRRORING))
    return "".join(unicodedata.normalize("NFKC", char) if _form(char) or "\ufb1d" <= char <= "\ufb4f" else char for char in text)


def _form(char: str) -> str:
    """Which form of a letter a character is: initial, medial, final or isolated; "" for others and for whole words."""
    if not "\ufb50" <= char <= "\ufefc" or "\ufdf0" <= char <= "\ufdff":
        return ""
    kind = icu.Char.getIntPropertyValue(char, icu.UProperty.DECOMPOSITION_TYPE)
    return str(icu.Char.getPropertyValueName(icu.UProperty.DECOMPOSITION_TYPE, kind, 0)) if kind in _PLACES else ""


def _turned(kinds: list[str]) -> bool:
    """Whether more letters join their neighbour before them than could in reading order: the text stands as on the screen."""
    joins = {"Init": 1, "Med": 1, "Fin": 0, "Iso": 0}  # to the letter after it, in reading order
    right = wrong = 0
    for before, after in pairwise(kinds):
        if before and after:
            right += joins[before] and after in ("Med", "Fin")
            wrong += joins[after] and before in ("Med", "Fin")
    return wrong > right
