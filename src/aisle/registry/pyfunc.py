"""What `mlflow.pyfunc.load_model` calls: a bundle that takes and gives data frames.

A model in MLflow names this module as its loader and holds the bundle as its data, so nothing is ever unpickled and the
answers are those of `Bundle.predict`. MLflow itself is not imported here.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalog.product import Product
from aisle.models.bundle import Bundle


class PyfuncModel:
    """A bundle in the shape that MLflow asks for.

    Args:
        bundle: The bundle, loaded and verified.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify products.

        Args:
            model_input: One product a row, with any of the columns id, title, description, brand (text) and image (the
                file's bytes); other columns are not looked at, and whatever pandas takes for missing is missing.
            params: MLflow's place for options; there are none.

        Returns:
            A row for each product in the order and with the index of the input: code, name (text) and confidence
            (between 0 and 1).
        """
        table = model_input.reindex(columns=[field.name for field in fields(Product)]).astype(object)
        products = [
            Product(
                id=str(position if record["id"] is None else record["id"]),
                title=record["title"],
                description=record["description"],
                brand=record["brand"],
                image=record["image"],
            )
            for position, record in enumerate(table.where(table.notna(), None).to_dict("records"))
        ]
        predictions = self.bundle.predict(products, top=1)
        return pd.DataFrame(
            {
                "code": [prediction.code for prediction in predictions],
                "name": [prediction.name for prediction in predictions],
                "confidence": [float(prediction.confidence) for prediction in predictions],
            },
            index=model_input.index,
        )


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """Load the model from the folder of its bundle; MLflow knows this function by its name."""
    return PyfuncModel(Bundle.load(Path(data_path)))
