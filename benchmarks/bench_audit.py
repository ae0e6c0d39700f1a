"""How well the label audit finds wrong labels planted into 11,050 real products of 27 categories.

python -m benchmarks.bench_audit

Labels are made wrong by chance, into any other category alike or into those that a text model takes for each other, and a
text model that is fitted on the wrong labels is asked out of fold. Beside the audit's ranking stand rankings by the
label's probability alone and by the margin to the likeliest other category. Some of the catalogue's own labels are wrong
too: whoever finds those is counted as mistaken here.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import rankdata

from aisle.features.normalise import normalise
from aisle.features.text import TextConfig, TextFeatures
from aisle.models.calibration import fit_temperature, softmax
from aisle.models.families import FAMILIES
from aisle.models.text_space_fit import TextOptions, fit_text_space
from aisle.training.audit import audit_labels
from aisle.training.groups import duplicate_groups
from aisle.training.noise import plant_noise
from benchmarks.catalogues import read_challenge
from benchmarks.reporting import Figure, report
from tests.catalogues import real_catalogues

FOLDS = 3
SHARES = (0.05, 0.1)
SEED = 1
# Set from the first run; an audit that finds less has been broken.
LEAST_AUC = {"any": 0.96, "alike": 0.92}
LEAST_AT_100 = {"any": 0.85, "alike": 0.75}


def out_of_fold(counts: csr_matrix, labels: NDArray[np.intp], folds: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return calibrated probabilities, (rows, classes), of text models that have not seen the row."""
    scores = np.zeros((len(labels), classes), np.float32)
    for fold in range(FOLDS):
        learnt, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        space = fit_text_space(counts[learnt], labels[learnt], classes, TextOptions())
        family = FAMILIES["logistic"]
        fitted = family.fit(space.matrix(counts[learnt]), labels[learnt], classes, family.options(), seed=SEED, jobs=1)
        scores[held] = fitted.scores(space.matrix(counts[held]))
    return softmax(scores, fit_temperature(scores, labels))


def auc(suspicion: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    """Return how often a wrong label is ranked before a right one, equals counting half."""
    bad, ranks = int(wrong.sum()), rankdata(suspicion)
    return float((ranks[wrong].sum() - bad * (bad + 1) / 2) / (bad * (len(wrong) - bad)))


def figures(
    name: str, kind: str, probabilities: NDArray[np.float32], noisy: NDArray[np.intp], labels: NDArray[np.intp]
) -> list[Figure]:
    """Return what the audit and its rivals find of the wrong labels."""
    wrong = noisy != labels
    codes = [str(code) for code in range(probabilities.shape[1])]
    audit = audit_labels(probabilities, noisy, codes)
    ranking = audit.ranking.sort("row")
    confident, suggested = ranking["confident"].to_numpy(), ranking["suggested"].to_numpy().astype(np.intp)
    order = audit.ranking["row"].to_numpy()
    rivals = {"label's probability": -ranking["self_confidence"].to_numpy(), "margin": -ranking["margin"].to_numpy()}
    found = auc(ranking["suspicion"].to_numpy(), wrong)
    planted = int(wrong.sum())
    return [
        Figure(f"{name}: AUC", found, "", LEAST_AUC[kind]),
        *(Figure(f"{name}: AUC by {rival}", auc(suspicion, wrong)) for rival, suspicion in rivals.items()),
        Figure(f"{name}: precision of the first 100", float(wrong[order[:100]].mean()), "", LEAST_AT_100[kind]),
        Figure(f"{name}: precision of the first {planted:,}", float(wrong[order[:planted]].mean())),
        Figure(f"{name}: recall of the first {2 * planted:,}", float(wrong[order[: 2 * planted]].sum() / planted)),
        Figure(f"{name}: precision of likely_wrong", float(wrong[confident].mean())),
        Figure(f"{name}: recall of likely_wrong", float(confident[wrong].mean())),
        Figure(f"{name}: suggestions that mend the label", float((suggested == labels)[wrong].mean())),
        Figure(f"{name}: estimated noise rate", audit.noise_rate),
    ]


def main() -> int:
    """Run the benchmark and return the exit status; 0 with a word about it where no real catalogue lies."""
    folder = real_catalogues()
    if folder is None:
        print("no real catalogues here (AISLE_TEST_DATA names their folder)")
        return 0
    products, codes = read_challenge(folder / "rakuten-14k")
    names, labels = np.unique(codes, return_inverse=True)
    counts = TextFeatures(TextConfig()).counts(products)
    groups = duplicate_groups([normalise(product.title or "") for product in products], [None] * len(products))
    folds = np.random.default_rng(SEED).integers(0, FOLDS, int(groups.max()) + 1)[groups]
    likeness = np.zeros((len(names), len(names)))
    np.add.at(likeness, (labels, out_of_fold(counts, labels, folds, len(names)).argmax(axis=1)), 1)
    every = []
    for kind, alike in (("any", None), ("alike", likeness)):
        for share in SHARES:
            noisy = plant_noise(labels, len(names), share, seed=SEED, likeness=alike)
            probabilities = out_of_fold(counts, noisy, folds, len(names))
            every += figures(f"{share:.0%} into {kind}", kind, probabilities, noisy, labels)
    return report("audit", every, about={"rows": len(labels), "folds": FOLDS, "seed": SEED})


if __name__ == "__main__":
    sys.exit(main())
