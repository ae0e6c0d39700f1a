"""Words that every class shares: what sellers write about anything, in five languages.

A `#` stands for any digit. Phrases are separated by commas, or by bars where they hold commas of their own.
"""

from dataclasses import dataclass

LANGUAGES: tuple[str, ...] = ("fr", "en", "de", "it", "es")
"""The languages of the catalogue; a language number is a position in this tuple."""

FOREIGN_WEIGHTS: dict[str, int] = {"en": 12_328, "de": 2_757, "it": 639, "es": 321}
"""How the challenge's foreign rows spread over the languages, as a detector saw them."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The shared phrases of one language.

    Args:
        general: Words of titles: colours, materials, sizes, states and praise.
        openers: How a sentence begins.
        connectors: What stands between two things.
        qualifiers: What stands after a thing.
        facts: Whole sentences, without their full stop.
    """

    general: str
    openers: str
    connectors: str
    qualifiers: str
    facts: str


SHARED: dict[str, Phrases] = {
    "fr": Phrases(
        general="""neuf, lot de #, noir, blanc, bleu, rouge, vert, rose, gris, jaune, beige, marron, doré, argent,
        multicolore, ## cm, ## x ## cm, taille m, taille l, taille xl, grand, petit, mini, maxi, set, pack, kit,
        coffret, bois, métal, acier, plastique, cuir, verre, pvc, haute qualité, nouveau, pas cher, original, vintage,
        ancien, rare, moderne, universel, professionnel, cadeau, enfant, adulte, homme, femme, fille, garçon, mixte,
        noël, france, paris, de luxe, avec boîte, très bon état, état neuf, réf ####, modèle ##, série #, x#, ###ml,
        ## pièces, 1##g, écran #", livraison gratuite""",
        openers="""Découvrez|Idéal pour|Ce produit est livré avec|Parfait avec|Vous aimerez|Notre sélection :|
        Contient :|Inclus :|Un grand choix :|Pour toute la famille :|À utiliser avec|L'essentiel :|Profitez de|
        Facile à associer :|Aujourd'hui|C'est le compagnon de|Conçu autour de|Le contenu de l'offre :|On retrouve ici|
        Une belle idée d'achat :""",
        connectors="avec|et|pour|ou encore|ainsi que|de type|sans oublier|associé à|façon|style|d'après",
        qualifiers="""de qualité|résistant et léger|facile à utiliser|d'excellente finition|pour un usage quotidien|
        au meilleur prix|d'une grande élégance|à petit prix|entièrement neuf|en très bon état|à découvrir|
        idéal pour offrir|sans défaut|pour petits et grands|d'origine|comme sur la photo|dans son emballage|
        avec beaucoup de détails|et son mode d'emploi""",
        facts="""Dimensions : ## x ## cm|Couleur : noir|Couleur : blanc|Couleur : bleu|Couleur : rouge|Matière : bois|
        Matière : plastique|Matière : métal|Poids : ### g|Poids : # kg|Livraison rapide et soignée|Garantie # ans|
        Longueur : 1## m|Hauteur : ## cm|Largeur : ## mm|Référence : ######|Produit neuf sous blister|
        L'envoi se fait sous ## heures|Photos non contractuelles|N'hésitez pas à nous contacter|Caractéristiques|
        Description|100% neuf et de haute qualité|Marque : générique|Quantité : #|Contenu du paquet : 1 x|
        Remarque : l'écart de mesure est de 1 à 3 cm|Veuillez vérifier la taille avant l'achat|Fabriqué en France|
        Expédié d'Europe|État : très bon|Conforme aux normes européennes|Âge : à partir de # ans""",
    ),
    "en": Phrases(
        general="""new, lot of #, black, white, blue, red, green, pink, grey, yellow, gold, silver, ## cm, ## x ## cm,
        size m, size xl, large, small, mini, set, pack, kit, wood, metal, steel, plastic, leather, glass, high quality,
        cheap, original, vintage, rare, modern, universal, professional, gift, men, women, 2##g, #pcs, model ##,
        with box, for home, style, fashion, diy, portable""",
        openers="""Perfect for|Ideal with|Comes with|Discover|Great for|Made for|Package includes|Features :|Enjoy|
        It's the best|You'll love|Designed for|A must :|Easy to use with""",
        connectors="with|and|for|or|as well as|plus|like|in the style of|made of",
        qualifiers="""of high quality|easy to use|for daily use|at the best price|durable and light|brand new|
        as shown in the picture|in its box|for everyone|without defects|with many details|that lasts""",
        facts="""Size : ## x ## cm|Color : black|Color : white|Color : as the picture shows|Material : plastic|
        Material : wood|Weight : ### g|100% brand new and high quality|Fast delivery|Quantity : # pcs|
        Please allow 1-3cm error due to measurement|Package includes : 1 x|Don't hesitate to contact us|
        Brand : generic|Model : ##|Length : 1## m|Age : # and up""",
    ),
    "de": Phrases(
        general="""neu, schwarz, weiß, blau, rot, grün, grau, gelb, groß, klein, ## cm, ## x ## cm, größe m, set, holz,
        metall, stahl, kunststoff, leder, glas, hochwertig, original, selten, modern, universal, geschenk, damen,
        herren, #er set, modell ##, mit, für""",
        openers="""Ideal für|Perfekt mit|Entdecken Sie|Geeignet für|Lieferumfang :|Das ist|Gemacht für|
        Für die ganze Familie :""",
        connectors="mit|und|für|oder|sowie|aus|im stil von",
        qualifiers="""von hoher qualität|für den täglichen gebrauch|zum besten preis|in der originalverpackung|
        wie abgebildet|für groß und klein""",
        facts="""Größe : ## x ## cm|Farbe : schwarz|Farbe : weiß|Material : holz|Gewicht : ### g|Schnelle Lieferung|
        Menge : # Stück|Länge : 1## m|Neu und unbenutzt|Altersempfehlung : ab # Jahren|Geprüfte Qualität""",
    ),
    "it": Phrases(
        general="""nuovo, nero, bianco, blu, rosso, verde, grigio, giallo, grande, piccolo, ## cm, ## x ## cm, set,
        legno, metallo, acciaio, plastica, pelle, vetro, originale, raro, moderno, universale, regalo, donna, uomo,
        # pezzi, modello ##, con, per""",
        openers="Ideale per|Perfetto con|Scopri|Adatto a|Contiene :|Questo è|Fatto per|Per tutta la famiglia :",
        connectors="con|e|per|oppure|in stile|insieme a",
        qualifiers="""di alta qualità|per l'uso quotidiano|al miglior prezzo|nella sua scatola|come nella foto|
        per grandi e piccini""",
        facts="""Dimensioni : ## x ## cm|Colore : nero|Colore : bianco|Materiale : legno|Peso : ### g|Consegna rapida|
        Quantità : #|Lunghezza : 1## m|Nuovo e mai usato|Età : da # anni|È un'ottima idea regalo""",
    ),
    "es": Phrases(
        general="""nuevo, negro, blanco, azul, rojo, verde, gris, amarillo, grande, pequeño, ## cm, ## x ## cm, juego,
        madera, metal, acero, plástico, cuero, vidrio, original, raro, moderno, universal, regalo, mujer, hombre,
        # piezas, modelo ##, con, para""",
        openers="Ideal para|Perfecto con|Descubra|Adecuado para|Contiene :|Este es|Hecho para|Para toda la familia :",
        connectors="con|y|para|o bien|al estilo de|junto con",
        qualifiers="de alta calidad|para el uso diario|al mejor precio|en su caja|como en la foto|para niños y mayores",
        facts="""Tamaño : ## x ## cm|Color : negro|Color : blanco|Material : madera|Peso : ### g|Envío rápido|
        Cantidad : #|Longitud : 1## m|Nuevo y sin usar|Edad : desde # años|Una opción única""",
    ),
}
"""The shared phrases of each language, by its code."""
