"""An application with one promoted model."""

import pytest
from fastapi import FastAPI

from tests.unit.serving.fakes import FakeChampions, FakeModel, make_app


@pytest.fixture
def model() -> FakeModel:
    return FakeModel("bundle-a")


@pytest.fixture
def app(model: FakeModel) -> FastAPI:
    champions = FakeChampions(model)
    champions.promote(1, "bundle-a")
    return make_app(champions, max_products=5, max_text_chars=1_000)
