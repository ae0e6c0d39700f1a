"""Categories as a tree: names like `Livres > Romans` are paths, and names without levels are a flat list.

What lies under a branch is looked up when it is opened: a page never holds a whole taxonomy.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from aisle.catalog.mapping import LEVEL_SEPARATOR

AT_ONCE = 100
"""Nodes that are shown at once; whoever wants more asks for them."""

_CHARS = 20_000
"""Characters of paths and codes that are shown at once: names may be as long as they like, pages not."""


@dataclass(frozen=True, slots=True)
class Node:
    """A category, or a branch of categories.

    Args:
        path: The names from the root down.
        code: The category's code; none for a branch.
        size: How many categories lie in a branch; 0 for a category.
    """

    path: tuple[str, ...]
    code: str | None = None
    size: int = 0

    @property
    def label(self) -> str:
        """The last name of its path."""
        return self.path[-1]

    @property
    def address(self) -> str:
        """Its path as one text, from which `parts` makes the path again."""
        return LEVEL_SEPARATOR.join(self.path)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Some nodes in the order of their names, branches first.

    Args:
        shown: Those that there is room for.
        after: How many come before those and them; where the next ones begin.
        left: How many come after them.
    """

    shown: tuple[Node, ...]
    after: int
    left: int


def parts(name: str) -> tuple[str, ...]:
    """Return a category's name as a path.

    >>> parts("Livres > Romans"), parts("Pools and spas"), parts(" > "), parts("")
    (('Livres', 'Romans'), ('Pools and spas',), (' > ',), ('',))
    """
    return tuple(part for part in name.split(LEVEL_SEPARATOR) if part.strip()) or (name,)


def children(names: Iterable[tuple[str, str]], path: Sequence[str] = (), *, start: int = 0) -> Nodes:
    """Return what lies right under a branch; a category that is a branch as well lies in itself.

    Args:
        names: Code and name of every category.
        path: The branch; the root by default.
        start: How many of them were shown before.
    """
    wanted, depth = tuple(path), len(path)
    leaves: list[Node] = []
    branches: Counter[tuple[str, ...]] = Counter()
    for code, name in names:
        own = parts(name)
        if own[:depth] != wanted:
            continue
        if len(own) <= depth + 1:
            leaves.append(Node(own, code))
        else:
            branches[own[: depth + 1]] += 1
    return _cut(_sorted(branches, leaves), start)


def matches(names: Iterable[tuple[str, str]], wanted: str, *, most: int) -> Nodes:
    """Return what a search finds in any part of a path, or in a code: the highest branches, and categories.

    Every word has to be found, in whatever order; accents and capitals do not count.

    Args:
        names: Code and name of every category.
        wanted: What is searched for.
        most: How many nodes at most.
    """
    words = plain(wanted).split()
    leaves: list[Node] = []
    branches: Counter[tuple[str, ...]] = Counter()
    for code, name in names if words else ():
        if not _holds(f"{plain(name)} {plain(code)}", words):
            continue
        own = parts(name)
        above = (own[:depth] for depth in range(1, len(own)))
        highest = next((path for path in above if _holds(plain(" ".join(path)), words)), None)
        if highest is None:
            leaves.append(Node(own, code))
        else:
            branches[highest] += 1
    return _cut(_sorted(branches, leaves), 0, most)


def plain(text: str) -> str:
    """Return text without accents and capitals.

    >>> plain("Épicerie, Œuvres")
    'epicerie, œuvres'
    """
    if text.isascii():
        return text.lower()
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)).casefold()


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _sorted(branches: Counter[tuple[str, ...]], leaves: list[Node]) -> list[Node]:
    # `Livres` beside `Livres > Romans` is a branch and a category: it is chosen inside its branch.
    outside = [leaf for leaf in leaves if leaf.path not in branches]
    inside = Counter(leaf.path for leaf in leaves if leaf.path in branches)
    grown = [Node(path, None, size + inside[path]) for path, size in branches.items()]
    return [*sorted(grown, key=_by_name), *sorted(outside, key=_by_name)]


def _by_name(node: Node) -> tuple[str, str]:
    return plain(node.address), node.code or ""


def _cut(nodes: Sequence[Node], start: int, most: int = AT_ONCE) -> Nodes:
    room = _CHARS
    shown: list[Node] = []
    for node in islice(nodes, start, start + most):
        room -= len(node.address) + len(node.code or "")
        if room < 0 and shown:
            break
        shown.append(node)
    after = min(start, len(nodes)) + len(shown)
    return Nodes(tuple(shown), after, len(nodes) - after)
