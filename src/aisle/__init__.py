"""aisle puts every product of a shop in the right aisle."""

__version__ = "0.1.0"
