"""What a small French shop sells: categories on three levels, products with a picture each, and a model that knows them.

All of it is made up and the same every time. The model listens to words, as people would: it is fast and explains itself.
"""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO

from PIL import Image, ImageDraw

from aisle.catalog.product import Product
from aisle.errors import InputError
from aisle.features.normalise import normalise
from aisle.models.explain import ComponentShare, Explanation, ModalityShare, Term, TextShare
from aisle.models.prediction import Candidate, Prediction

WORDS: dict[str, str] = {
    "Livres > Romans > Policiers": "roman policier enquête commissaire meurtre",
    "Livres > Romans > Historiques": "roman historique roi siècle bataille",
    "Livres > Romans > Science-fiction": "roman science fiction galaxie robot",
    "Livres > Bandes dessinées": "bd album tome bandes dessinées",
    "Livres > Jeunesse": "album enfants conte illustré",
    "Livres > Cuisine": "livre recettes cuisine gâteaux",
    "Jeux > Jeux de société > Stratégie": "jeu société stratégie plateau dés",
    "Jeux > Jeux de société > Famille": "jeu société famille cartes dés",
    "Jeux > Jeux vidéo > Manettes": "manette sans fil console",
    "Jeux > Jeux vidéo > Consoles": "console portable écran manette",
    "Jeux > Peluches": "peluche ours doux doudou",
    "Jeux > Maquettes": "maquette bateau échelle colle",
    "Jardin > Piscines > Piscines hors sol": "piscine hors sol tubulaire bâche",
    "Jardin > Piscines > Entretien": "piscine chlore épuisette filtre",
    "Jardin > Mobilier": "table jardin chaise teck parasol",
    "Jardin > Outillage > Taille": "sécateur taille haie lame",
    "Jardin > Outillage > Arrosage": "tuyau arrosage pistolet enrouleur",
    "Maison > Luminaires": "lampe chevet abat jour led",
    "Maison > Linge > Draps": "drap housse coton percale",
    "Maison > Linge > Serviettes": "serviette bain coton éponge",
    "Maison > Décoration": "coussin cadre vase décoration",
    "Maison > Cuisine > Casseroles": "casserole inox poêle induction",
    "Maison > Cuisine > Couteaux": "couteau cuisine lame acier",
    "Bricolage > Perceuses": "perceuse visseuse sans fil batterie",
    "Bricolage > Peinture": "peinture mur rouleau mat",
    "Épicerie > Thés": "thé vert feuilles infusion",
    "Épicerie > Cafés": "café grains torréfié arabica",
    "Épicerie > Confitures": "confiture fraises fruits pot",
    "Animalerie > Chiens": "chien laisse collier croquettes",
    "Animalerie > Chats": "chat arbre griffoir litière",
    "Puériculture": "poussette bébé biberon siège",
    "Papeterie": "cahier stylo carnet feutres",
}
"""Each category with the words that speak for it; codes are names, as those of a catalogue with levels are."""

TITLES = (
    "Piscine hors sol tubulaire 4 m avec bâche",
    "Le commissaire et l'enquête du vieux port",
    "Perceuse visseuse sans fil 18 V, deux batteries",
    "Jeu de plateau : les marchands de Venise, cartes et dés",
    "Thé vert sencha en feuilles, boîte de 100 g",
    "Lampe de chevet LED, abat-jour en lin",
    "Manette sans fil pour console, bleu nuit",
    "Album illustré : le conte de l'ours qui ne dormait pas",
    "Couteau de cuisine 20 cm, lame en acier",
    "Serviette de bain en coton éponge, 70 x 140",
    "Sécateur à lame franche pour taille douce",
    "Arbre à chat avec griffoir et hamac",
    "Roman historique : la bataille du roi",
    "Casserole inox pour induction, 20 cm",
    "Carnet pointillé A5, papier ivoire",
    "Poussette légère pliable pour bébé",
)
_COLOURS = ((58, 124, 165), (201, 111, 74), (96, 138, 88), (150, 96, 142), (196, 160, 72), (90, 100, 120))


def codes() -> list[str]:
    """Every category."""
    return list(WORDS)


def picture(number: int, size: int = 320) -> bytes:
    """A product's picture: something of a shape and a colour, on white."""
    image = Image.new("RGB", (size, size), "white")
    draw, colour, part = ImageDraw.Draw(image), _COLOURS[number % len(_COLOURS)], size // 8
    box = (part, 2 * part, size - part, size - 2 * part)
    dark = tuple(value * 2 // 3 for value in colour)
    shape = number % 4
    if shape == 0:
        draw.ellipse(box, fill=colour, outline=dark, width=size // 40)
        draw.ellipse((2 * part, 3 * part, size - 2 * part, size - 3 * part), fill=(176, 216, 232))
    elif shape == 1:
        draw.rectangle((2 * part, part, size - 2 * part, size - part), fill=colour, outline=dark, width=size // 40)
        draw.rectangle((3 * part, 2 * part, size - 3 * part, 3 * part), fill="white")
    elif shape == 2:
        draw.rounded_rectangle(box, radius=part, fill=colour, outline=dark, width=size // 40)
    else:
        draw.polygon(((size // 2, part), (size - part, size - part), (part, size - part)), fill=colour, outline=dark)
    stream = BytesIO()
    image.save(stream, "JPEG", quality=85)
    return stream.getvalue()


class ShopModel:
    """Answers with the category whose words a product says; what has no such word it is unsure of."""

    digest = "5" * 64
    categories: Mapping[str, str] = {code: code for code in WORDS}

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        return [self._answer(product, top) for product in products]

    def explain(self, product: Product, code: str | None = None, *, terms: int = 10) -> Explanation:
        answer = self._answer(product, len(WORDS))
        wanted = code or answer.code
        if wanted not in self.categories:
            raise InputError(f"The model knows no category {code!r}.")
        said = _said(product)
        told = [Term(word, 1.0, 1.0, round(1.9 - place / 5, 2)) for place, word in enumerate(_shared(said, wanted))]
        other = next(one.code for one in answer.top if one.code != wanted)
        against = [Term(word, 1.0, -0.6, -0.6) for word in _shared(said, other) if word not in _shared(said, wanted)]
        probability = next(one.probability for one in answer.top if one.code == wanted)
        text = TextShare("linear-text", 2.0, 0.1, tuple(told[:terms]), tuple(against[:terms]), 0.0)
        share = ComponentShare("linear-text", "logistic", "text", counts=True, contribution=1.0)
        without = tuple(ModalityShare(name, round(probability * 0.4, 2)) for name in answer.modalities)
        facts = (wanted, wanted, probability, answer.code, ("linear-text",), 1.0, 0.0)
        return Explanation(product.id, *facts, (share,), without, (text,))

    def _answer(self, product: Product, top: int) -> Prediction:
        said = _said(product)
        scores = {code: 1.9 * len(_shared(said, code)) for code in WORDS}
        whole = sum(math.exp(score) for score in scores.values())
        order = sorted(scores, key=lambda code: -scores[code])[:top]
        ranked = tuple(Candidate(code, code, math.exp(scores[code]) / whole) for code in order)
        modalities = ("text", "image") if product.image else ("text",)
        unsure = "not confident" if ranked[0].probability < 0.62 else None
        best = ranked[0]
        return Prediction(product.id, best.code, best.code, best.probability, ranked, modalities, (), unsure)


def _said(product: Product) -> set[str]:
    return set(normalise(f"{product.title or ''} {product.description or ''}").split())


def _shared(said: set[str], code: str) -> list[str]:
    return [word for word in normalise(WORDS[code]).split() if word in said]
