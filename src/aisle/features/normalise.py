"""The one text normalisation: whatever a shop wrote becomes lower-case tokens with single spaces between them.

The steps, in their order:

1. what nobody sees goes: zero-width and bidirectional controls, variation selectors, lone surrogates;
2. HTML: entities are decoded (escaped twice or thrice too), tags become spaces, scripts, styles and comments go whole;
3. mojibake is repaired, and U+00BF where a letter was lost is filled in (`aisle.features.repair`);
4. a comma between two digits goes: "1,22 m" is "122 m", for the challenge's files have lost theirs;
5. each character is folded on its own: compatibility forms, case and accents go, ligatures are spelt out, and whatever
   is no letter, digit or vowel sign of any script becomes a space;
6. digits part from letters: "22cm" and "22 cm" meet, and "m²" is "m 2".

Step 5 maps every character of its own output to itself, and no other step finds anything to do there: normalising twice
is normalising once. Every step takes time in proportion to the text.
"""

import re
import unicodedata
from dataclasses import asdict, dataclass
from html.entities import html5
from typing import Any

from aisle.errors import BundleError
from aisle.features.repair import MOJIBAKE_BYTES, repair_encoding

VERSION = 1
"""Raised whenever the same rules would give another text for some input."""

_UNSEEN = (
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
# Unicode's Default_Ignorable_Code_Point less the soft hyphen, which is half of some mojibake and goes when folding.
_INVISIBLE = re.compile(f"[{_UNSEEN}\ud800-\udfff]+")
_NOT_WRITTEN = re.compile(f"[{_UNSEEN}\u00ad]")
# Without its semicolon an entity counts only when no word goes on: "18&quot" but not "toi&notre" (which holds "&not").
_ENTITY = re.compile(r"&(?:#([0-9]{1,8})|#[xX]([0-9a-fA-F]{1,7})|([A-Za-z][A-Za-z0-9]{1,31}))(?:(;)|(?!\w))", re.ASCII)
_ENTITY_ROUNDS = 3
# No alternative can run past the next "<" and fail, except the ones that then take the rest of the text: linear time.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)"
    r"|<[/!?]?[a-z][^<>]*>"
    r"|</?(?:br|p|b|i|u|li|ul|ol|em|div|span|strong|font|table|t[rdh]|h[1-6]|img|a)\b[^<>]*\Z"
    # A shop that shortens its texts cuts tags in two: "</stro… Voir la présentation".
    r"|<(?:/[a-z]{0,10}|[a-z]{1,10}) ?/?(?=\s{0,3}(?:…|\Z))",
    re.IGNORECASE | re.DOTALL,
)
_DIGITS = re.compile(r"([0-9]+)")
_DIGIT_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_DIGIT_COMMA_BYTES = re.compile(_DIGIT_COMMA.pattern.encode())
_MOST_FOLDED = 65_536
_LETTER_MARKS = (0, 7, 8, 9)
# Letters that Unicode does not take apart, and signs whose compatibility form would run into the word before them.
_SPELT = {
    "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "n", "ı": "i",
    "™": " ", "℠": " ", "º": " ", "´": " ", "¨": " ", "¯": " ", "¸": " ",
    "\u02b9": " ", "\u02ba": " ", "\u02bb": " ", "\u02bc": " ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Normalisation:
    """The rules that a text is normalised by; a bundle carries them.

    Args:
        html: Whether entities are decoded and tags removed.
        encoding: Whether mojibake and lost letters are repaired.
        version: The version of the rules' meaning.

    >>> Normalisation.from_json(Normalisation(html=False).to_json()) == Normalisation(html=False)
    True
    """

    html: bool = True
    encoding: bool = True
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the rules as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Normalisation":
        """Return the rules that `to_json` wrote.

        Raises:
            BundleError: The rules are another version's, or no rules at all.
        """
        if value.get("version") != VERSION or set(value) != {"html", "encoding", "version"}:
            raise BundleError(
                f"The text normalisation {value!r} is not one that this release of aisle knows.",
                hint=f"It knows version {VERSION}: use the release that made the bundle, or train again.",
            )
        return cls(bool(value["html"]), bool(value["encoding"]))


DEFAULT = Normalisation()
"""The rules of new bundles."""


def normalise(text: str, rules: Normalisation = DEFAULT) -> str:
    """Return a text as lower-case tokens of letters and digits, with single spaces between them.

    Args:
        text: Anything at all, lone surrogates included.
        rules: What to do besides folding.

    >>> normalise("L&#39;&eacute;t&eacute;<br/>Jeu-VidÃ©o 22cm, 3 < 5 : c¿ur d¿été 1,5 m²")
    'l ete jeu video 22 cm 3 5 coeur d ete 15 m 2'
    """
    if not text:
        return ""
    if not text.isascii():
        text = _INVISIBLE.sub("", text) if (folded := _western(text, rules)) is None else folded
    if rules.html and ("&" in text or "<" in text):
        text = _strip_html(text)
    plain = text.isascii()
    if rules.encoding and not plain:
        text = repair_encoding(text)
    if "," in text:
        text = _DIGIT_COMMA.sub("", text)
    # Most titles are plain ASCII, and for those a table of bytes is several times faster.
    text = text.encode("ascii").translate(_ASCII).decode("ascii") if plain else text.translate(_FOLD)
    return " ".join(" ".join(_DIGITS.split(text)).split())


def has_html(text: str) -> bool:
    """Return whether a text holds tags or entities.

    >>> has_html("d&eacute;co"), has_html("<b>"), has_html("AT&T, 3 < 5")
    (True, True, False)
    """
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    if "&" in text and any(_decode(match) != match[0] for match in _ENTITY.finditer(text)):
        return True
    return "<" in text and _MARKUP.search(text) is not None


def _western(text: str, rules: Normalisation) -> str | None:
    """Return a text folded by a table of bytes, as most with accents can be; nothing where a step finds more to do.

    What is folded here has no "&" or "<", nothing unseen and nothing to repair: the later steps find nothing.
    """
    if rules.html and ("&" in text or "<" in text):
        return None
    try:
        written = text.encode("latin-1")
    except UnicodeEncodeError:
        return None
    folded = (_DIGIT_COMMA_BYTES.sub(b"", written) if b"," in written else written).translate(_WESTERN)
    return None if b"\0" in folded or (rules.encoding and MOJIBAKE_BYTES.search(written)) else folded.decode("ascii")


def _strip_html(text: str) -> str:
    for _ in range(_ENTITY_ROUNDS):
        if "&" not in text:
            break
        decoded = _ENTITY.sub(_decode, text)
        if decoded == text:
            break
        text = decoded
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    return _INVISIBLE.sub("", text)


def _decode(match: re.Match[str]) -> str:
    decimal, hexadecimal, name, semicolon = match.groups()
    if name:
        return html5.get(f"{name};" if semicolon else name, match[0])
    number = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(number) if number < 0x110000 else " "


class _Folding(dict[int, str]):
    """What each character becomes, worked out when first met; it stops growing before any text can make it large."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < _MOST_FOLDED:
            self[code] = folded
        return folded


def _fold(character: str) -> str:
    if "\x80" <= character <= "\x9f":
        # Control characters of Latin-1 are, in real texts, the letters that Windows keeps at their place.
        character = character.encode("latin-1").decode("cp1252", errors="replace")
    if _NOT_WRITTEN.match(character) or "\ud800" <= character <= "\udfff":
        return ""
    if character in _SPELT:
        return _SPELT[character]
    folded = character
    # Case folding may yield a composed letter, and taking it apart a capital one: until nothing changes.
    while (again := unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", folded).casefold())) != folded:
        folded = again
    return "".join(_SPELT.get(part, part) for part in map(_kept, folded))


def _kept(part: str) -> str:
    # Accents go; the marks of classes 7 to 9 (nukta, voicing, virama) make another letter, as class 0 (vowel signs) does.
    if unicodedata.combining(part) not in _LETTER_MARKS or _NOT_WRITTEN.match(part):
        return ""
    return part if unicodedata.category(part)[0] in "LNM" else " "


_FOLD = _Folding()
_ASCII = bytes(ord(_FOLD[code]) for code in range(128)) + bytes(128)
# Of Latin-1 what folds to one ASCII character; 0 where a text has to go the longer way, as it has where a letter was lost.
_WESTERN = _ASCII[:128] + bytes(
    ord(_FOLD[code]) if len(_FOLD[code]) == 1 and _FOLD[code].isascii() and code >= 0xA0 and chr(code) != "¿" else 0
    for code in range(128, 256)
)
