"""The context: bundles by their digests, and nothing that is opened before it is needed."""

import pytest

from aisle.bootstrap import Application
from aisle.errors import BundleError
from aisle.pipeline.context import Context, silent


def test_a_bundle_is_fetched_into_the_home_and_verified(application: Application, context: Context):
    digest = application.bundle_digest(2)
    assert context.bundle(digest).digest == digest
    assert (context.settings.workspace.home / "bundles" / digest / "manifest.json").is_file()
    with pytest.raises(BundleError, match="no bundle 000000000000"):
        context.bundle("0" * 64)


def test_the_ledger_is_that_of_the_database(context: Context):
    assert [model.version for model in context.ledger.models()] == [1, 2]


def test_a_report_to_nobody_is_no_report():
    assert silent("reading", 1, 2) is None
