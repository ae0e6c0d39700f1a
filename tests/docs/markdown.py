"""Reading this project's Markdown: its blocks of code, what is named in code, links and headings."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_SHELL = {"", "sh", "console"}
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Document:
    """A Markdown file, by its path below the repository."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """Return the fenced blocks of one language."""
        return [body for found, body in _FENCE.findall(self.text) if found == language]

    def shell_lines(self) -> Iterator[list[str]]:
        """Yield the words of every command line in a block: all lines of `sh`, those after `$` of `console`."""
        blocks = [(language, body) for language, body in _FENCE.findall(self.text) if language in _SHELL]
        blocks += [("", re.sub(r"(?m)^ {4}", "", body)) for body in _INDENTED.findall(_FENCE.sub("", self.text))]
        for language, body in blocks:
            for line in body.replace("\\\n", " ").splitlines():
                if language != "console":
                    yield from _words(line)
                elif line.startswith("$ "):
                    yield from _words(line.removeprefix("$ "))

    def inline(self) -> list[str]:
        """Return everything that stands in code within a sentence, or within a drawing."""
        return _INLINE.findall(_FENCE.sub(lambda fence: "" if fence[1] else fence[2], self.text))

    def links(self) -> list[str]:
        """Return the targets of every link that stays in the project."""
        found = _LINK.findall(_FENCE.sub("", self.text))
        return [target for target in found if not target.startswith(("http://", "https://"))]

    def anchors(self) -> set[str]:
        """Return the names by which a link can reach a heading."""
        headings = re.findall(r"(?m)^#+ (.+)$", _FENCE.sub("", self.text))
        return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def documents() -> list[Document]:
    """Return every Markdown file of the project."""
    inside = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    kept = (path for path in inside if not any(part.startswith(".") or part in {"build", "dist"} for part in path.parts))
    return [Document(ROOT / path) for path in sorted(kept)]


def _words(line: str) -> Iterator[list[str]]:
    """Yield a line's command without what the shell keeps for itself: assignments, redirections, comments."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return  # drawings and output have stray quotation marks
    end = next((place for place, word in enumerate(words) if word in {"&", "|", "<", ">", "&&"}), len(words))
    words = words[:end]
    while words and (_ASSIGNMENT.match(words[0]) or words[0] == "export"):
        words = words[1:]
    if words:
        yield words
