"""The 27 product type codes of the Rakuten challenge, and a name for each in English and French.

The challenge publishes codes without names: these were given by reading the titles that carry each code. Other
catalogues bring labels that are names already, so an unknown code is its own name.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CategoryName:
    """What a category is called.

    Args:
        english: The name in English.
        french: The name in French.
    """

    english: str
    french: str


CHALLENGE_CATEGORIES: dict[str, CategoryName] = {
    "10": CategoryName("Used books", "Livres d'occasion"),
    "40": CategoryName("Imported video games and software", "Jeux vidéo d'import et logiciels"),
    "50": CategoryName("Console accessories", "Accessoires de console"),
    "60": CategoryName("Game consoles", "Consoles de jeux"),
    "1140": CategoryName("Collectible figurines", "Figurines de collection"),
    "1160": CategoryName("Trading cards", "Cartes à collectionner"),
    "1180": CategoryName("War and role-playing games", "Jeux de guerre et de rôle"),
    "1280": CategoryName("Toys and soft toys", "Jouets et peluches"),
    "1281": CategoryName("Board and card games", "Jeux de société et de cartes"),
    "1300": CategoryName("Model making and drones", "Modélisme et drones"),
    "1301": CategoryName("Bar games and baby socks", "Jeux de café et chaussettes de bébé"),
    "1302": CategoryName("Outdoor games and sports", "Jeux de plein air et sport"),
    "1320": CategoryName("Childcare", "Puériculture"),
    "1560": CategoryName("Furniture and bedding", "Meubles et literie"),
    "1920": CategoryName("Household linen", "Linge de maison"),
    "1940": CategoryName("Groceries", "Épicerie"),
    "2060": CategoryName("Home decoration", "Décoration de la maison"),
    "2220": CategoryName("Pet supplies", "Animalerie"),
    "2280": CategoryName("Magazines and newspapers", "Magazines et journaux"),
    "2403": CategoryName("Lots of books, comics and reviews", "Lots de livres, de BD et de revues"),
    "2462": CategoryName("Used video games and lots", "Jeux vidéo d'occasion et lots"),
    "2522": CategoryName("Stationery", "Papeterie"),
    "2582": CategoryName("Garden furniture and tableware", "Mobilier de jardin et arts de la table"),
    "2583": CategoryName("Pools and spas", "Piscines et spas"),
    "2585": CategoryName("Tools and gardening", "Bricolage et jardinage"),
    "2705": CategoryName("New books", "Livres neufs"),
    "2905": CategoryName("PC game downloads", "Jeux PC en téléchargement"),
}
"""The challenge's codes, as text and in numerical order, with their names."""

CHALLENGE_CODES: frozenset[str] = frozenset(CHALLENGE_CATEGORIES)
"""The challenge's codes alone."""


def category_name(code: str, language: Literal["en", "fr"] = "en") -> str:
    """Return a category's name, or the code itself where the challenge has none such.

    >>> category_name("2583"), category_name("2583", "fr"), category_name("Bricolage > Perceuses")
    ('Pools and spas', 'Piscines et spas', 'Bricolage > Perceuses')
    """
    name = CHALLENGE_CATEGORIES.get(code)
    if name is None:
        return code
    return name.english if language == "en" else name.french
