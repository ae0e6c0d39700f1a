"""Every error that aisle raises on purpose, as one tree.

    AisleError
    ├── SettingsError              a setting is unknown, malformed or missing
    ├── StorageError
    │   ├── DatabaseError          the database cannot be reached, or its schema is another version's
    │   ├── ObjectStoreError       the object store refused, or cannot be reached
    │   │   ├── ObjectNotFound     no object under that key
    │   │   └── ObjectExists       a create-only write found the key taken
    │   └── BackupError            a backup cannot be written, is damaged, or does not fit where it is to go
    ├── CatalogError
    │   ├── SourceError            a folder is no catalogue, or its mapping does not fit its files
    │   ├── ArchiveError           an archive is damaged or hostile
    │   ├── ImageProblem           one image cannot be used; `reason` says why
    │   ├── DownloadError          the challenge files could not be fetched
    │   │   └── SessionExpired     the challenge's site asks to log in again
    │   ├── IngestError            a load cannot go on
    │   └── SnapshotError          a snapshot is missing, damaged or empty
    ├── ModelError
    │   ├── TrainingError          a snapshot cannot be learnt from
    │   └── BundleError            a bundle is missing, damaged or foreign
    ├── RegistryError
    │   ├── TrackingError          MLflow cannot be reached, or refused
    │   ├── VersionNotFound        no version of that number is registered
    │   ├── LedgerConflict         somebody else moved the champion first
    │   └── PromotionRefused       the gate said no, with its reasons
    ├── AccessError                a key cannot be made or used, or a caller may not do what it asks
    │   ├── Unauthenticated        no usable API key came with a request
    │   ├── Forbidden              the key has not the scope that the request needs
    │   └── RateLimited            the key has used up its requests for now
    ├── InputError                 what a caller sent cannot be answered
    │   ├── InvalidRequest         fields are missing, unknown, malformed or beyond a limit
    │   ├── ContentTooLarge        more bytes were sent than are accepted
    │   ├── FeedbackConflict       an id of feedback names something else already
    │   ├── TooSlow                the bytes did not arrive in time
    │   └── UnsupportedContent     the content type or encoding is none that is read
    ├── ServingError               the server cannot do its work
    │   ├── NotReady               no verified model is loaded, or the server is stopping
    │   └── Overloaded             too many requests are waiting already
    ├── TelemetryError             a failure could not be told to the metrics
    ├── MonitoringError            a window, reference or policy cannot be used
    │   └── RequestConflict        somebody else took or closed a retrain request first
    ├── ReviewError                a product cannot be reviewed, or a decision cannot be taken back
    │   └── ReviewConflict         somebody else has the product by now, or decided it
    └── PipelineError              a step is unknown, or cannot run yet

An error carries three things for the person who gets it: what happened (the message), how to mend it (`hint`) and, for
programs, a stable `code` derived from its class. No error here knows a framework: `aisle.serving.problems` turns them
into HTTP answers and `aisle.cli` into a sentence and an exit status.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ImageReason = Literal["missing", "unsafe", "too_large", "bomb", "not_an_image", "unsupported", "truncated", "damaged"]
"""Why one image cannot be used, in the words that reports and the rejects relation keep."""


class AisleError(Exception):
    """The base of every error that aisle raises on purpose.

    Args:
        message: What happened and where, as one sentence.
        hint: How to mend it, as one sentence; empty where the message says it all.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """The error's stable name in kebab case.

        >>> SessionExpired("the session has ended").code
        'session-expired'
        """
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(self).__name__.removesuffix("Error")).lower()

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class SettingsError(AisleError):
    """A setting is unknown, malformed or missing."""


class StorageError(AisleError):
    """Rows or bytes could not be read or written."""


class DatabaseError(StorageError):
    """The database cannot be reached, or its schema is another version's."""


class ObjectStoreError(StorageError):
    """The object store refused, or cannot be reached."""


class ObjectNotFound(ObjectStoreError):
    """No object lies under that key."""


class ObjectExists(ObjectStoreError):
    """A create-only write found the key taken."""


class BackupError(StorageError):
    """A backup cannot be written, is damaged, or does not fit where it is to go."""


class CatalogError(AisleError):
    """Something about a catalogue or its files is wrong."""


class SourceError(CatalogError):
    """A folder is no catalogue, or its mapping does not fit its files."""


class ArchiveError(CatalogError):
    """An archive is damaged or hostile."""


class ImageProblem(CatalogError):
    """One image cannot be used; its product and the other images are not touched by it.

    Args:
        reason: Why, as one of the words of `ImageReason`.
        message: What was found, as one sentence.
    """

    def __init__(self, reason: ImageReason, message: str) -> None:
        super().__init__(message)
        self.reason: ImageReason = reason


class DownloadError(CatalogError):
    """The challenge files could not be fetched."""


class SessionExpired(DownloadError):
    """The challenge's site asks to log in again."""


class IngestError(CatalogError):
    """A load cannot go on."""


class SnapshotError(CatalogError):
    """A snapshot is missing, damaged or empty."""


class ModelError(AisleError):
    """Something about a model is wrong."""


class TrainingError(ModelError):
    """A snapshot cannot be learnt from."""


class BundleError(ModelError):
    """A bundle is missing, damaged or foreign."""


class RegistryError(AisleError):
    """A model could not be registered or promoted."""


class TrackingError(RegistryError):
    """MLflow cannot be reached, or refused."""


class VersionNotFound(RegistryError):
    """No version of that number is registered."""


class LedgerConflict(RegistryError):
    """Somebody else moved the champion first."""


class PromotionRefused(RegistryError):
    """The gate said no, with its reasons."""


class AccessError(AisleError):
    """A key cannot be made or used, or a caller may not do what it asks."""


class Unauthenticated(AccessError):
    """No usable API key came with a request.

    Args:
        message: What is missing or wrong, as one sentence that does not repeat what was sent.
        hint: How to mend it.
        sent: Whether a key came at all.
    """

    def __init__(self, message: str, *, hint: str = "", sent: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class Forbidden(AccessError):
    """The key has not the scope that the request needs.

    Args:
        message: What may not be done.
        hint: How to mend it.
        scope: The scope that is needed; empty where it is not about scopes.
    """

    def __init__(self, message: str, *, hint: str = "", scope: str = "") -> None:
        super().__init__(message, hint=hint)
        self.scope = scope


class RateLimited(AccessError):
    """The key has used up its requests for now.

    Args:
        message: What the limit is.
        hint: How to mend it.
        retry_after_s: Seconds after which the next request is accepted.
        headers: The state of the limit, as headers of the answer.
    """

    def __init__(
        self, message: str, *, hint: str = "", retry_after_s: float = 1.0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})


class InputError(AisleError):
    """What a caller sent cannot be answered."""


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One thing that is wrong in a request.

    Args:
        path: The way to the field, names and positions: `("products", 3, "title")`; empty for the whole.
        detail: What is wrong, as one sentence.
        part: Where in the request the field is: its body, its query or its path.
    """

    path: tuple[str | int, ...]
    detail: str
    part: Literal["body", "query", "path"] = "body"


class InvalidRequest(InputError):
    """Fields of a request are missing, unknown, malformed or beyond a limit.

    Args:
        message: What is wrong as a whole.
        fields: Each field that is wrong.
        hint: How to mend it.
    """

    def __init__(self, message: str, *, fields: Sequence[InvalidField] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.fields = tuple(fields)


class ContentTooLarge(InputError):
    """More bytes were sent than are accepted."""


class TooSlow(InputError):
    """The bytes of a request did not arrive in time."""


class UnsupportedContent(InputError):
    """The content type or encoding of a request is none that is read."""


class FeedbackConflict(InputError):
    """An id of feedback names something else already."""


class ServingError(AisleError):
    """The server cannot do its work.

    Args:
        message: What happened.
        hint: How to mend it.
        retry_after_s: Seconds after which asking again may help.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class NotReady(ServingError):
    """No verified model is loaded, or the server is stopping."""


class Overloaded(ServingError):
    """Too many requests are waiting already."""


class TelemetryError(AisleError):
    """A failure could not be told to the metrics."""


class MonitoringError(AisleError):
    """A window, a reference or a policy cannot be used."""


class RequestConflict(MonitoringError):
    """Somebody else took or closed a retrain request first."""


class ReviewError(AisleError):
    """A product cannot be reviewed, or a decision cannot be taken back."""


class ReviewConflict(ReviewError):
    """Somebody else has the product by now, or decided it."""


class PipelineError(AisleError):
    """A step is unknown, or cannot run yet."""
