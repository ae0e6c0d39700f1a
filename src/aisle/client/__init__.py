"""A typed client of the server, sync and async: retries, batching, streams, and problems as exceptions.

from aisle.client import Client, Item

with Client("http://127.0.0.1:8000", api_key="...") as client:
    for prediction in client.predict([Item(title="Piscine hors sol ronde 3,66 m")]):
        print(prediction.code, prediction.confidence)
"""

from aisle.client.calls import AsyncClient, Client
from aisle.client.items import (
    Candidate,
    Category,
    Champion,
    Item,
    Prediction,
    StreamResult,
)
from aisle.client.problems import Problem, ServerProblem, Unreachable

__all__ = [
    "AsyncClient",
    "Candidate",
    "Category",
    "Champion",
    "Client",
    "Item",
    "Prediction",
    "Problem",
    "ServerProblem",
    "StreamResult",
    "Unreachable",
]
