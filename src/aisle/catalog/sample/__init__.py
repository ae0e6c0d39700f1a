"""A synthetic catalogue in the challenge's layout, for demos and load tests: texts, labels and drawn images."""

from aisle.catalog.sample.folder import write_sample
from aisle.catalog.sample.report import SampleReport

__all__ = ["SampleReport", "write_sample"]
