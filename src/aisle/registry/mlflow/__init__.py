"""The one door to MLflow: runs, registered versions and the alias `champion`.

Importing this package does not import MLflow, which takes two to three seconds and much memory: that happens when a
`Tracking` is made, so that a server that only needs the ledger never pays for it.
"""

from aisle.registry.mlflow.run import Run
from aisle.registry.mlflow.tracking import Projection, Registered, Tracking

__all__ = ["Projection", "Registered", "Run", "Tracking"]
