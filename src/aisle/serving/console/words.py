"""What the console says, in English and in French."""

from typing import Literal, get_args

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_FRENCH = {
    "Sign in": "Se connecter",
    "Sign out": "Se déconnecter",
    "API key": "Clé d'API",
    "Go on without a key": "Continuer sans clé",
    "This server is open to its own machine.": "Ce serveur est ouvert à sa propre machine.",
    "Try it": "Essayer",
    "Review": "Relecture",
    "Models": "Modèles",
    "Operations": "Exploitation",
    "Catalogue": "Catalogue",
    "Drift": "Dérive",
    "Skip to the content": "Aller au contenu",
    "light": "clair",
    "dark": "sombre",
    "Title": "Titre",
    "Description": "Description",
    "Image": "Image",
    "Drop an image here, or choose one.": "Déposez une image ici, ou choisissez-en une.",
    "This file is too large.": "Ce fichier est trop gros.",
    "Classify": "Classer",
    "Answer": "Réponse",
    "Alternatives": "Autres possibilités",
    "Why": "Pourquoi",
    "What spoke": "Ce qui a parlé",
    "text": "texte",
    "image": "image",
    "nothing": "rien",
    "without it": "sans cela",
    "A person should look: ": "Une personne devrait regarder : ",
    "for": "pour",
    "against": "contre",
    "Probability": "Probabilité",
    "Category": "Catégorie",
    "Nothing waits for you.": "Rien ne vous attend.",
    "Categories": "Catégories",
    "Search categories": "Chercher une catégorie",
    "Skip": "Passer",
    "Undo": "Annuler",
    "Reason (optional)": "Raison (facultatif)",
    "Keys: 1 to 9 choose, s skips, u takes back, / searches, arrows walk the tree.": "Touches : 1 à 9 choisit, s passe, "
    "u annule, / cherche, les flèches parcourent l'arbre.",
    "Answered": "Réponse donnée",
    "Suggested": "Proposé",
    "Label now": "Étiquette actuelle",
    "Labelled": "Étiqueté",
    "Kept; others will look as well.": "Gardé ; d'autres regarderont aussi.",
    "Passed on.": "Passé.",
    "Taken back.": "Annulé.",
    "The catalogue has this product no more.": "Le catalogue n'a plus ce produit.",
    "waiting": "en attente",
    "No image.": "Pas d'image.",
    "No description.": "Pas de description.",
    "No category fits.": "Aucune catégorie ne correspond.",
    "Found": "Trouvées",
    "More": "Plus",
    "The server did not answer. Load the page again.": "Le serveur n'a pas répondu. Rechargez la page.",
    "History": "Historique",
    "Version": "Version",
    "Versions": "Versions",
    "champion": "champion",
    "Promote": "Promouvoir",
    "Report": "Rapport",
    "What corrections led to": "Ce que les corrections ont donné",
    "Labels by people learnt": "Étiquettes humaines apprises",
    "F1 on the same gold rows": "F1 sur les mêmes lignes de référence",
    "Retrainings asked for": "Réentraînements demandés",
    "Outcome": "Issue",
    "Older versions": "Versions plus anciennes",
    "Roll back": "Revenir en arrière",
    "Reason": "Raison",
    "Compare": "Comparer",
    "Figure": "Mesure",
    "when": "quand",
    "who": "qui",
    "what": "quoi",
    "of what": "de quoi",
    "Version {} is champion now.": "La version {} est maintenant championne.",
    "In service": "En service",
    "Nothing is in service.": "Rien n'est en service.",
    "Since": "Depuis",
    "Answers in the last 24 hours": "Réponses des dernières 24 heures",
    "Median time": "Temps médian",
    "99 % answered within": "99 % répondues en",
    "For review": "À relire",
    "Threads at work": "Fils au travail",
    "Requests waiting": "Requêtes en attente",
    "Audit log": "Journal d'audit",
    "Products": "Produits",
    "Loads": "Chargements",
    "Rejects": "Rejets",
    "Classes": "Classes",
    "Source": "Source",
    "Split": "Partie",
    "Rows": "Lignes",
    "State": "État",
    "Reject": "Rejet",
    "Duplicates": "Doublons",
    "Conflicting labels": "Étiquettes contradictoires",
    "Missing descriptions": "Descriptions manquantes",
    "No monitoring run yet: `aisle monitor run` makes one.": "Pas encore de surveillance : `aisle monitor run` en fait une.",
    "Columns that moved": "Colonnes qui ont bougé",
    "Column": "Colonne",
    "Answers at either end": "Réponses aux deux bouts",
    "Product": "Produit",
    "Value": "Valeur",
    "by chance up to": "par hasard jusqu'à",
    "Last run": "Dernier passage",
    "That did not work": "Cela n'a pas marché",
    "Back": "Retour",
    "Queue": "File",
    "Agreement (kappa)": "Accord (kappa)",
    "Right answers, by chance's draw": "Réponses justes, par tirage",
    "not known yet": "pas encore connu",
    "Image not usable": "Image inutilisable",
    "The answer is hidden from you: what is to be measured must not be led.": "La réponse vous est cachée : "
    "ce qui doit être mesuré ne doit pas être guidé.",
}


def said(text: str, language: Language) -> str:
    """Return a sentence of the console in a language; English is what it is called by.

    >>> said("Sign in", "fr"), said("Sign in", "en")
    ('Se connecter', 'Sign in')
    """
    return _FRENCH[text] if language == "fr" else text


def preferred(cookie: str | None, header: str) -> Language:
    """Return the language to speak: the one that was chosen, else the first of the browser's that is spoken here.

    >>> preferred(None, "de-DE,fr-FR;q=0.8,en;q=0.5"), preferred("en", "fr"), preferred("xx", "")
    ('fr', 'en', 'en')
    """
    for name in (cookie or "", *(part.partition(";")[0].strip()[:2].lower() for part in header.split(","))):
        for language in LANGUAGES:
            if name == language:
                return language
    return "en"
