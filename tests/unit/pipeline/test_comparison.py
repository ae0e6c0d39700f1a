"""Two versions on the same gold rows: what is told is what was answered, and nothing is decided by it."""

import numpy as np
import orjson
import pytest
from sklearn.metrics import accuracy_score, log_loss

from aisle.catalog import snapshot as snapshots
from aisle.errors import InputError, RegistryError, SnapshotError
from aisle.pipeline.comparison import compare_versions
from aisle.pipeline.context import Context
from aisle.pipeline.gold import find_gold
from aisle.training.rows import products


def test_both_are_told_as_they_answer_now(context: Context):
    compared = compare_versions(context, 1, 2)
    digest = snapshots.latest(context.database)
    rows, _ = find_gold(context, digest)
    assert (compared.snapshot, compared.rows, compared.missing_images) == (digest, rows.height, 0)
    for version, side in ((1, compared.first), (2, compared.second)):
        bundle = context.bundle(context.ledger.model(version).bundle)
        probabilities = bundle.probabilities(products(rows))
        codes = np.array(list(bundle.categories))
        predicted = codes[probabilities.argmax(axis=1)]
        assert (side.version, side.bundle, side.size_bytes) == (version, bundle.digest, bundle.size_bytes)
        assert side.accuracy == pytest.approx(accuracy_score(rows["label"], predicted))
        order = np.argsort(codes)
        # scikit-learn wants rows that add up to 1 more exactly than float32 does.
        exact = probabilities.astype(np.float64)[:, order]
        exact /= exact.sum(axis=1, keepdims=True)
        assert side.log_loss == pytest.approx(log_loss(rows["label"], exact, labels=codes[order]), rel=1e-3)
        surest = np.argsort(-probabilities.max(axis=1), kind="stable")[: int(np.ceil(0.9 * rows.height))]
        hits = rows["label"].to_numpy() == predicted
        assert side.accuracy_covered == pytest.approx(hits[surest].mean(), abs=0.02)
        assert side.seconds_per_product > 0
    assert not compared.gate.promote
    assert compared.gate.evidence["against"] == "champion"
    assert len(context.ledger.history()) == 1
    assert orjson.loads(orjson.dumps(compared.to_json()))["f1"]["weighted_f1"]["first"] == compared.f1.weighted_f1.first


def test_what_cannot_be_compared_is_refused(context: Context):
    with pytest.raises(InputError, match="the same as itself"):
        compare_versions(context, 1, 1)
    with pytest.raises(RegistryError, match="no version 7"):
        compare_versions(context, 1, 7)
    with pytest.raises(SnapshotError, match="no snapshot"):
        compare_versions(context, 1, 2, snapshot="0" * 64)
