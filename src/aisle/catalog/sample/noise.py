"""What sellers' tools do to a text: HTML tags, HTML entities and letters broken by a wrong encoding."""

from html.entities import html5

_ACCENTS = "àâçèéêëîïôùûüöäáíóúñß"
_NAMED = {ord(letter): f"&{name[:-1]};" for name, letter in html5.items() if name.endswith(";") and letter in _ACCENTS}
_NUMBERED = str.maketrans({"'": "&#39;", '"': "&#34;", "+": "&#43;", "=": "&#61;"})
_QUESTIONED = str.maketrans(dict.fromkeys(_ACCENTS, "\u00bf"))
_DOUBLY_QUESTIONED = str.maketrans(dict.fromkeys(_ACCENTS, "\u00bf\u00bf"))
_APOSTROPHES = str.maketrans({"'": "\u00bf", "à": "\u00bf"})

TAG_STYLES = 5
"""How many ways there are to put tags into a text."""

ENTITY_STYLES = 4
"""How many ways there are to put entities into a text."""

BREAK_STYLES = 5
"""How many ways there are to break letters."""


def add_tags(text: str, style: int) -> str:
    """Put HTML tags between or around the sentences of a text.

    Args:
        text: Sentences, each but the last ended by a full stop and a space.
        style: Which way, from 0 to `TAG_STYLES` - 1.

    >>> add_tags("Neuf. Bleu", 2)
    '<ul><li>Neuf.</li><li>Bleu</li></ul>'
    """
    if style == 1:
        return "<p>" + text.replace(". ", ".</p><p>") + "</p>"
    if style == 2:
        return "<ul><li>" + text.replace(". ", ".</li><li>") + "</li></ul>"
    if style == 3:
        first, _, rest = text.partition(". ")
        return f"<strong>{first}</strong><br /> {rest}".rstrip()
    if style == 4:
        return f'<div><span class="texte">{text}</span></div>'
    return text.replace(". ", ".<br>") + "<br>"


def add_entities(text: str, style: int) -> str:
    """Write characters of a text as HTML entities; at least one entity comes in.

    Args:
        text: A text without entities.
        style: Which way, from 0 to `ENTITY_STYLES` - 1: numbered signs (the most usual, so there are two of it), named
            letters, or hard spaces.

    >>> add_entities("l'été", 0), add_entities("l'été", 2)
    ('l&#39;été', "l'&eacute;t&eacute;")
    """
    if style <= 1:
        changed = text.translate(_NUMBERED)
    elif style == 2:
        changed = text.translate(_NAMED)
    else:
        changed = text.replace(" : ", "&nbsp;: ").replace(" & ", " &amp; ")
    return changed if changed != text else text + "&nbsp;"


def break_letters(text: str, style: int) -> str:
    """Break the accented letters of a text as a wrong encoding does; a text that has none stays whole.

    Args:
        text: A text.
        style: Which way, from 0 to `BREAK_STYLES` - 1: the sign U+00BF for each letter (the most usual, so there are two
            of it), two of them, the same for apostrophes, or UTF-8 read as Latin-1.

    >>> break_letters("décor d'été", 0), break_letters("décor d'été", 3), break_letters("été", 4)
    ("d¿cor d'¿t¿", 'décor d¿été', 'Ã©tÃ©')
    """
    if style <= 1:
        return text.translate(_QUESTIONED)
    if style == 2:
        return text.translate(_DOUBLY_QUESTIONED)
    if style == 3:
        return text.translate(_APOSTROPHES)
    return text.encode("utf-8").decode("latin-1")
