"""The rules of accessibility, as axe checks them."""

from typing import Any

_CHECK = """async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}))
    .violations.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" | "))"""


def violations(page: Any, axe: str) -> list[str]:
    """Return what on a page breaks a rule of WCAG 2.2, levels A and AA.

    Args:
        page: The browser's page.
        axe: The checker's script.
    """
    # As a debugger would: the pages' own policy lets no foreign script in.
    page.evaluate(axe)
    found: list[str] = page.evaluate(_CHECK)
    return found
