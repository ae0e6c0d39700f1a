"""What steps take and return: small JSON objects, strict about their fields, that any orchestrator can carry."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """The base of everything that goes into a step or comes out of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class IngestInput(Message):
    """What to take in."""

    folder: Path = Field(description="The folder that holds the catalogue's files.")
    name: str | None = Field(None, description="The name to keep it under; the folder's own by default.")
    mapping: Path | None = Field(None, description="A mapping file, for another catalogue than the challenge's.")
    share: float = Field(0.2, gt=0, le=1, description="Share of each split's rows to have in the end.")
    next_rows: int | None = Field(None, ge=1, description="Instead of a share, take so many rows more.")
    sample: Literal["head", "stratified"] = Field("head", description="The order in which rows are taken.")
    splits: tuple[Literal["train", "test"], ...] = Field((), description="The splits to take; all of them by default.")
    upto: dict[str, int] | None = Field(None, description="Instead of a share, the rows of each split to have in the end.")


class IngestOutput(Message):
    """What the catalogue has of a source after an ingest."""

    source: str
    rows: dict[str, int] = Field(description="Products of the source in the catalogue, by split.")
    images: dict[str, int] = Field(description="Those of them with an image, by split.")
    rejected: int = Field(description="Rows and images refused by the loads of this call.")
    exhausted: bool = Field(description="Whether every row of the source has been taken.")


class SnapshotInput(Message):
    """What to freeze."""

    sources: tuple[str, ...] = Field((), description="The sources to take; all of them by default.")


class SnapshotOutput(Message):
    """A data version."""

    snapshot: str = Field(description="The digest of the frozen rows.")
    rows: int
    labelled: int
    classes: int


class TrainInput(Message):
    """What to learn from."""

    snapshot: str = Field(description="The digest of a snapshot.")
    level: int | None = Field(None, ge=1, description="Levels of a multi-level label to learn; all of them by default.")
    budget: str | None = Field(None, description="Time that it may take, as 90s or 10m; as set by default.")
    families: str | None = Field(None, description="Families to train, with commas between; as set by default.")
    modalities: str | None = Field(None, description="What they look at: text, image, both; as set by default.")
    checkpoint: str | None = Field(None, description="Folder of a checkpoint that deep begins with; as set by default.")
    jobs: int | None = Field(None, ge=1, description="Processes side by side; as set by default.")
    memory: float | None = Field(None, gt=0, description="GB that it may use; as set by default.")


class TrainOutput(Message):
    """A bundle, and how it did on the gold rows."""

    bundle: str = Field(description="The digest of the bundle.")
    snapshot: str
    metrics: dict[str, float] = Field(description="Scores on the gold rows, with their 95 % intervals.")


class AuditInput(Message):
    """Whose labels to look through."""

    snapshot: str = Field(description="The digest of a snapshot.")
    level: int | None = Field(None, ge=1, description="Levels of a multi-level label that count; all of them by default.")
    modalities: str | None = Field(None, description="What to judge by: text, image; as set by default.")
    jobs: int | None = Field(None, ge=1, description="Processes side by side; as set by default.")
    out: Path | None = Field(None, description="A file for all of them: .csv, .parquet or .jsonl.")


class SuspiciousLabel(Message):
    """A label that is likely wrong."""

    source: str
    id: str
    title: str | None
    label: str
    suggested: str = Field(description="The likeliest other category.")
    self_confidence: float = Field(description="The probability of the label.")
    suggested_confidence: float = Field(description="The probability of the other category.")


class AuditOutput(Message):
    """The labels that are likely wrong."""

    labelled: int = Field(description="Labels looked at.")
    suspicious: int = Field(description="Those that are likely wrong.")
    noise_rate: float = Field(description="Estimated share of wrong labels.")
    rows: tuple[SuspiciousLabel, ...] = Field(description="The likeliest of them, at most a hundred.")


class EvaluateInput(Message):
    """What to judge, and on which data."""

    bundle: str
    snapshot: str


class EvaluateOutput(Message):
    """The gate's decision on a bundle, and the ledger's row that it followed."""

    bundle: str
    snapshot: str
    promote: bool
    reasons: tuple[str, ...]
    evidence: dict[str, Any]
    followed: int = Field(description="Number of the ledger's row in force when it was judged; 0 for none.")
    champion: int | None = Field(description="The version that it was judged against.")
    in_force: bool = Field(description="Whether the bundle is the champion's own, so that there was nothing to judge.")


class RegisterInput(Message):
    """What to register."""

    bundle: str
    snapshot: str


class RegisterOutput(Message):
    """A registered version."""

    version: int
    bundle: str
    run_id: str


class PromoteInput(Message):
    """A registered version with its judgement."""

    version: int
    promote: bool
    reasons: tuple[str, ...]
    evidence: dict[str, Any]
    followed: int


class PromoteOutput(Message):
    """Who is champion after the decision."""

    version: int
    promoted: bool
    champion: int | None
    reasons: tuple[str, ...]


class TargetInput(Message):
    """A run that takes rows in."""

    folder: Path = Field(description="The folder that holds the catalogue's files.")
    run: str = Field(min_length=1, description="The run's name: asked again for it, the answer is the same.")
    name: str | None = Field(None, description="The name to keep it under; the folder's own by default.")
    mapping: Path | None = Field(None, description="A mapping file, for another catalogue than the challenge's.")
    share: float = Field(0.2, gt=0, le=1, description="Share of each split's rows to have in the end.")
    batch: int | None = Field(None, ge=1, description="Instead of a share, take so many rows more of each split.")


class TargetOutput(Message):
    """How many rows of each split a run is to have in the end."""

    source: str = Field(description="The catalogue's name.")
    upto: dict[str, int] = Field(description="Rows of each split to have in the end.")
    new: dict[str, int] = Field(description="Those of them that were not there when the run began.")
    exhausted: bool = Field(description="Whether every row of the source had been taken when the run began.")


class HoldingsInput(Message):
    """A split of a source."""

    source: str = Field(description="The catalogue's name.")
    split: Literal["train", "test"] = Field(description="Its split.")


class HoldingsOutput(Message):
    """What the catalogue has of a split."""

    rows: int = Field(description="Products.")
    labelled: int = Field(description="Those of them that came with a label.")
    images: int = Field(description="Those of them whose image is in the object store.")


class DueInput(Message):
    """When a new training is due."""

    rows: int = Field(10_000, ge=1, description="Labelled rows that must be new since the champion's training.")
    floor: float = Field(0.7, ge=0, le=1, description="Weighted F1 under which a champion is replaced at the next chance.")


class DueOutput(Message):
    """Whether it is time to train again."""

    due: bool = Field(description="Whether it is.")
    reason: str = Field(description="Why, as a sentence.")
    new_rows: int = Field(description="Labelled rows beyond those that the champion was trained on.")
