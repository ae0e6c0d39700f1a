"""Names of files inside archives and image folders: which of them could lead outside, and how."""

import re
import unicodedata

_PLAIN = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*/?")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOOKALIKES = re.compile("[\u2044\u2215\u2216\u2571\u2572\u29f5\u29f6\u29f8\u29f9\ufe68\uff0f\uff3c]")
"""Fraction and division slashes, set minus, box diagonals, big and small solidi, full-width solidi."""


def naming_fault(name: str) -> str | None:
    r"""Say what makes a relative name unsafe to look up or to write, or return None for a safe one.

    Args:
        name: A name with `/` between folders; a folder's own name ends with one.

    >>> naming_fault("images/image_train/image_1_product_2.jpg") is None
    True
    >>> naming_fault("images/../../etc/passwd")
    'climbs out with ".."'
    >>> naming_fault("C:/pictures/1.jpg")
    'begins with a drive letter'
    """
    if _PLAIN.fullmatch(name):
        return None
    if _LOOKALIKES.search(name):
        return "holds a character that looks like a slash"
    # Compatibility forms are checked too: a file system or a tool that folds them would see what they fold to.
    for form in (name, unicodedata.normalize("NFKC", name)):
        if fault := _fault(form):
            return fault
    return None


def _fault(name: str) -> str | None:
    parts = name.removesuffix("/").split("/")
    findings = (
        (not name, "is empty"),
        (_CONTROL.search(name), "holds a control character"),
        ("\\" in name, "holds a backslash"),
        (name.startswith("/"), "is absolute"),
        (_DRIVE.match(name), "begins with a drive letter"),
        (".." in parts, 'climbs out with ".."'),
        ("" in parts or "." in parts, "can be written in more than one way"),
    )
    return next((words for found, words in findings if found), None)
