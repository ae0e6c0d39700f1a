"""What the console reads and writes, beside what the API does."""

from dataclasses import dataclass

from aisle.monitoring.records import MonitorRecords
from aisle.monitoring.requests import RetrainRequests
from aisle.registry.audit_log import AuditLog
from aisle.registry.reports import Reports
from aisle.review.desk import ReviewDesk
from aisle.review.figures import ReviewBook
from aisle.storage.database import Database
from aisle.storage.objects import Bucket


@dataclass(frozen=True, slots=True)
class ConsoleRecords:
    """The stores behind the console.

    Args:
        database: Where all of it lives.
        images: The bucket of product images.
        desk: Gives out what people should look at.
        reviews: Reads what they decided.
        monitoring: What monitoring found.
        audit: Who did what.
        requests: The retrainings that were asked for.
        reports: The reports of trainings and of monitoring runs.
    """

    database: Database
    images: Bucket
    desk: ReviewDesk
    reviews: ReviewBook
    monitoring: MonitorRecords
    audit: AuditLog
    requests: RetrainRequests
    reports: Reports
