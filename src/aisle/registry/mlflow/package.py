"""A bundle as an MLflow model: its folder, its signature and what has to be installed to load it."""

from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalog.product import Product

LOADER = "aisle.registry.pyfunc"
"""The module that loads the model; it has to be installed where the model is used."""

DISTRIBUTIONS = (
    "aisle",
    "mlflow-skinny",
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "orjson",
    "msgspec",
    "ftfy",
    "pillow",
    "threadpoolctl",
)
"""What scoring imports. Listed by hand, because what MLflow infers is everything that happens to be loaded."""

_NOTE_CHARS = 5_000
"""Longest description that MLflow's database keeps."""


def save_package(mlflow: Any, model: Any, bundle: Path, folder: Path) -> None:
    """Write a bundle as an MLflow model into a folder that does not exist yet.

    Args:
        mlflow: The module.
        model: The `mlflow.models.Model` that the files belong to.
        bundle: The bundle's folder.
        folder: Where to write.
    """
    types = mlflow.types
    inputs = [
        types.ColSpec("binary" if field.name == "image" else "string", field.name, required=False)
        for field in fields(Product)
    ]
    outputs = [
        types.ColSpec(kind, name) for kind, name in (("string", "code"), ("string", "name"), ("double", "confidence"))
    ]
    mlflow.pyfunc.save_model(
        folder,
        loader_module=LOADER,
        data_path=bundle,
        mlflow_model=model,
        signature=mlflow.models.ModelSignature(types.Schema(inputs), types.Schema(outputs)),
        input_example=example(),
        pip_requirements=[f"{name}=={version(name)}" for name in DISTRIBUTIONS],
    )


def example() -> pd.DataFrame:
    """Return two products as a caller may send them, the second without a description."""
    return pd.DataFrame(
        {
            "id": ["1", "2"],
            "title": ["Piscine hors sol ronde en acier 3,60 x 0,76 m", "Lot de 4 pneus hiver 205/55 R16"],
            "description": ["Livrée avec épurateur à cartouche.", None],
            "brand": ["Bestway", None],
        }
    )


def note(card: str) -> str:
    """Return a model card as the description of a version: whole, or its first lines where MLflow keeps no more.

    >>> note("# Card")
    '# Card'
    """
    if len(card) <= _NOTE_CHARS:
        return card
    ending = "\n\n(The whole card is `card.md` in the bundle.)"
    return card[: _NOTE_CHARS - len(ending)].rpartition("\n")[0] + ending
