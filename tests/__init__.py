"""The tests, sorted by cost: unit, contract, integration and beyond."""
