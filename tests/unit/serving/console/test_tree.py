"""Categories as a tree: what lies under a branch, what a search finds, and how much is shown at once."""

from aisle.serving.console.tree import AT_ONCE, Node, children, matches

SHOP = [
    ("10", "Livres > Romans > Policiers"),
    ("11", "Livres > Romans > Historiques"),
    ("12", "Livres > Bandes dessinées"),
    ("13", "Livres"),
    ("20", "Épicerie > Thés"),
    ("30", "Divers"),
]


def labels(nodes: tuple[Node, ...]) -> list[tuple[str, str | None, int]]:
    return [(node.label, node.code, node.size) for node in nodes]


def test_a_branch_shows_what_lies_right_under_it():
    assert labels(children(SHOP).shown) == [("Épicerie", None, 1), ("Livres", None, 4), ("Divers", "30", 0)]
    under = children(SHOP, ("Livres",)).shown
    assert labels(under) == [("Romans", None, 2), ("Livres", "13", 0), ("Bandes dessinées", "12", 0)]
    assert labels(children(SHOP, ("Livres", "Romans")).shown) == [("Historiques", "11", 0), ("Policiers", "10", 0)]
    assert children(SHOP, ("Nowhere",)).shown == ()


def test_names_without_levels_are_a_flat_list():
    flat = children([("2583", "Pools and spas"), ("40", "Imported games"), ("60", "Game consoles")])
    assert labels(flat.shown) == [("Game consoles", "60", 0), ("Imported games", "40", 0), ("Pools and spas", "2583", 0)]


def test_a_search_looks_at_every_part_of_a_path_whatever_the_accents():
    assert labels(matches(SHOP, "livres", most=9).shown) == [("Livres", None, 4)]
    assert labels(matches(SHOP, "ROMANS", most=9).shown) == [("Romans", None, 2)]
    assert labels(matches(SHOP, "poli livres", most=9).shown) == [("Policiers", "10", 0)]
    assert labels(matches(SHOP, "dessinees", most=9).shown) == [("Bandes dessinées", "12", 0)]
    assert labels(matches(SHOP, "epicerie", most=9).shown) == [("Épicerie", None, 1)]
    assert labels(matches(SHOP, "30", most=9).shown) == [("Divers", "30", 0)]
    assert matches(SHOP, "nothing such", most=9).shown == matches(SHOP, "  ", most=9).shown == ()


def test_two_categories_of_one_name_are_both_there():
    twice = [("1", "Divers"), ("2", "Divers"), ("3", "Livres > Divers"), ("4", "Livres > Divers")]
    assert labels(children(twice).shown) == [("Livres", None, 2), ("Divers", "1", 0), ("Divers", "2", 0)]
    assert labels(children(twice, ("Livres",)).shown) == [("Divers", "3", 0), ("Divers", "4", 0)]


def test_names_that_are_no_paths_are_names():
    odd = [("a", " > "), ("b", "Livres > "), ("c", ""), ("d", " > Livres > Romans")]
    assert {node.code for node in children(odd).shown} == {"a", "c", None}
    assert labels(children(odd, ("Livres",)).shown) == [("Livres", "b", 0), ("Romans", "d", 0)]


def test_no_more_is_shown_than_there_is_room_for():
    many = [(str(number), f"Category {number:04}") for number in range(407)]
    seen: list[Node] = []
    while True:
        page = children(many, start=len(seen))
        assert 0 < len(page.shown) <= AT_ONCE
        seen += page.shown
        assert (page.after, page.left) == (len(seen), 407 - len(seen))
        if not page.left:
            break
    assert [node.code for node in seen] == [code for code, _ in many]
    long = [(str(number), f"{number} " + "x" * 9_000) for number in range(9)]
    assert len(children(long).shown) == 2
    assert len(children([("1", "x" * 900_000)]).shown) == 1
    assert (len(matches(many, "category", most=20).shown), matches(many, "category", most=20).left) == (20, 387)
    assert children(many, start=10**15).shown == ()
