"""Settings: one frozen class per concern, read from the environment, `.env`, secret files and `aisle.toml`.

Precedence, high to low: environment, `.env`, files in `AISLE_SECRETS_DIR`, `aisle.toml`, default. A field `url` of the
concern `database` is `AISLE_DATABASE_URL` in the environment and `.env`, a file `aisle_database_url` among the secrets
and `url` under `[database]` in `aisle.toml`. Nothing is read at import; `aisle.configuration.load_settings` reads once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Concern(BaseModel):
    """The base of every settings class: frozen, strict about names, fed by `aisle.configuration` alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    section: ClassVar[str]


class Workspace(Concern):
    """Where the embedded default keeps everything, and how the program speaks."""

    section: ClassVar[str] = ""
    home: Path = Field(Path(".aisle"), description="Folder of the embedded database, objects and MLflow store.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe event logged.")
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or JSON for collectors.")
    push_url: str | None = Field(
        None, description="Address of a Prometheus Pushgateway that is told when a task of the orchestrator fails."
    )


class Database(Concern):
    """Where rows live."""

    section: ClassVar[str] = "database"
    url: SecretStr = Field(description="`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.")
    pool_size: int = Field(5, ge=1, le=100, description="Connections kept open.")
    connect_timeout_s: float = Field(10.0, gt=0, description="Seconds to wait for a connection, or for a lock in SQLite.")


class Objects(Concern):
    """Where bytes live: images, snapshots and bundles."""

    section: ClassVar[str] = "objects"
    url: str = Field(description="`file:///FOLDER`, or the `http(s)://HOST:PORT` of an S3 server.")
    region: str = Field("us-east-1", description="Region that requests to S3 are signed for.")
    access_key: str | None = Field(None, description="S3 access key.")
    secret_key: SecretStr | None = Field(None, description="S3 secret key.")
    image_bucket: str = Field("rakuten-image", description="Bucket of product images.")
    artifact_bucket: str = Field("aisle", description="Bucket of snapshots and bundles.")
    concurrency: int = Field(16, ge=1, le=256, description="Requests under way at once when many objects move.")
    timeout_s: float = Field(30.0, gt=0, description="Seconds before one request is given up and tried again.")


class Tracking(Concern):
    """Where runs and model versions are shown: MLflow."""

    section: ClassVar[str] = "tracking"
    url: str = Field(description="`sqlite:///FILE`, or the `http(s)://HOST:PORT` of an MLflow server.")
    experiment: str = Field("aisle", min_length=1, description="Experiment that runs belong to.")
    model: str = Field("aisle", pattern=r"^[^/:'\"]+$", description="Name of the registered model; no / : ' or \".")
    artifact_root: str | None = Field(None, description="Where artefacts go; an MLflow server decides for itself.")
    timeout_s: float = Field(30.0, gt=0, description="Seconds before a request to an MLflow server is given up.")


class Catalog(Concern):
    """How products get in."""

    section: ClassVar[str] = "catalog"
    batch_rows: int = Field(10_000, ge=100, le=100_000, description="Rows read, checked and committed together.")
    max_text_chars: int = Field(1_000_000, ge=1_000, description="Longest title or description accepted, in characters.")
    max_image_bytes: int = Field(20_000_000, ge=1_000, description="Largest image file accepted.")
    max_image_pixels: int = Field(120_000_000, ge=10_000, description="Largest image accepted, in pixels; more is a bomb.")
    challenge_url: str = Field(
        "https://challengedata.ens.fr/participants/challenges/35/download/",
        description="Address under which the challenge's files lie.",
    )
    sessionid: SecretStr | None = Field(None, description="Cookie `sessionid` of your login at the challenge's site.")
    csrftoken: SecretStr | None = Field(None, description="Cookie `csrftoken` of your login at the challenge's site.")


class Training(Concern):
    """How a snapshot becomes a model."""

    section: ClassVar[str] = "training"
    seed: int = Field(2025, ge=0, description="Seed of everything random.")
    gold_share: float = Field(0.1, gt=0, lt=0.5, description="Share of each class kept for judging, never trained on.")
    validation_share: float = Field(0.1, gt=0, lt=0.5, description="Share of the rest on which choices are made.")
    margin: float = Field(0.005, ge=0, lt=1, description="Weighted F1 by which a challenger may seem worse, and pass.")
    budget: str = Field(
        "", description="Time that a training may take, as 90s, 10m or 1h30m; empty for 30 s per thousand rows."
    )
    families: str = Field("", description="Families to train, with commas between; empty for all that fit the budget.")
    checkpoint: str = Field("", description="Folder of a checkpoint that deep begins with; empty for none.")
    modalities: str = Field("", description="What they look at, of text, image and both; empty for all.")
    folds: int = Field(5, ge=2, le=20, description="Parts of the rows by which components are scored on rows not learnt.")
    coverage: float = Field(0.95, gt=0.5, lt=1, description="How often the correct category is in a prediction set.")
    precision: float = Field(0.95, gt=0.5, lt=1, description="How often answers that nobody reviews are to be correct.")
    review_cost: float = Field(
        0.0, ge=0, lt=1, description="Cost of a review where a wrong answer costs 1; 0 to go by the precision instead."
    )
    answer_price: float = Field(
        1e-3, ge=0, description="Log loss, in nats, that a component has to bring for each microsecond it adds to an answer."
    )
    jobs: int = Field(0, ge=0, le=256, description="Processes that train side by side; 0 for one on each core.")
    memory: float = Field(0.0, ge=0, description="GB that a training may use; 0 for four fifths of what is free.")


class Serving(Concern):
    """How the server listens and what it accepts."""

    section: ClassVar[str] = "serving"
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    open: bool = Field(False, description="Whether requests without a key are answered, all of them and on loopback only.")
    metrics: Literal["loopback", "key", "open"] = Field(
        "loopback", description="Who reads `/metrics` without a key: who asks over loopback, nobody, or anybody."
    )
    max_products: int = Field(1_000, ge=1, description="Products accepted in one request.")
    max_body_bytes: int = Field(10_000_000, ge=1_000, description="Bytes accepted in one request.")
    max_line_bytes: int = Field(2_000_000, ge=1_000, description="Bytes accepted in one line of a stream.")
    max_text_chars: int = Field(100_000, ge=1_000, description="Longest title or description accepted, in characters.")
    max_image_pixels: int = Field(100_000_000, ge=10_000, description="Largest image accepted, in pixels; more is a bomb.")
    poll_s: float = Field(5.0, gt=0, description="Seconds between looks at who is champion.")
    threads: int = Field(2, ge=1, le=64, description="Threads that score.")
    max_waiting: int = Field(64, ge=0, description="Requests that may wait for a scoring thread; one more is answered 503.")
    inline_ms: float = Field(
        1.0,
        ge=0,
        description="A model that answers one product within this scores small requests without a thread; 0: never.",
    )
    max_concurrent: int = Field(1_024, ge=1, description="Requests under way at once; one more is answered 503.")
    max_wait_s: float = Field(
        2.0, gt=0, description="Seconds that a request may wait for a thread; then it is answered 503."
    )
    receive_s: float = Field(
        15.0, gt=0, description="Seconds that a request's body may take to arrive; then it is answered 408."
    )
    log_lines: int = Field(
        100, ge=1, description="Lines a second that the log gets of one route and status; the next one counts the others."
    )
    drain_s: float = Field(1.0, ge=0, description="Seconds for which a stopping server says so before it stops listening.")
    stop_s: float = Field(20.0, gt=0, description="Seconds that requests under way get to finish when the server stops.")
    log_predictions: bool = Field(True, description="Whether answers are kept in the database, in the table `predictions`.")
    log_queue: int = Field(10_000, ge=1, description="Answers that may wait to be written; more are dropped and counted.")
    log_stop_s: float = Field(5.0, ge=0, description="Seconds that waiting answers get to be written when the server stops.")
    keep_text: bool = Field(False, description="Whether title, description and brand are kept with an answer.")
    looks_per_second: float = Field(
        10.0, ge=0, le=10_000, description="Images a second whose light and colours are kept with an answer, for monitoring."
    )
    keep_days: int = Field(90, ge=1, le=36_500, description="Days after which `aisle predictions prune` deletes answers.")
    traces_endpoint: str = Field(
        "",
        description="Address of an OpenTelemetry collector (OTLP over HTTP), as http://127.0.0.1:4318; empty for no traces."
        " OTEL_EXPORTER_OTLP_ENDPOINT is taken where this is not set.",
    )
    pin: int | None = Field(None, ge=1, description="Version that is served whatever the ledger says; empty to follow it.")
    shadow: int | None = Field(
        None,
        ge=1,
        description="Version that scores live traffic as well, for comparison, and never answers; empty for none.",
    )
    shadow_queue: int = Field(
        1_000, ge=1, description="Products that may wait for the shadow; more are dropped and counted."
    )
    canary: int | None = Field(None, ge=1, description="Version that answers a share of the requests; empty for none.")
    canary_share: float = Field(0.05, gt=0, lt=1, description="Share of the request keys that the canary answers.")


class Exporter(Concern):
    """How figures of the database are shown to Prometheus."""

    section: ClassVar[str] = "exporter"
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(9108, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    cache_s: float = Field(10.0, ge=0, description="Seconds for which one look at the database answers whoever asks.")


class Monitoring(Concern):
    """How the answers of servers are watched."""

    section: ClassVar[str] = "monitoring"
    policy: str = Field("", description="File of the policy, TOML; empty for the one that `aisle monitor policy` prints.")
    window: str = Field("24h", description="Answers that a run looks at where none are asked for, as 24h or 7d.")
    metrics_url: str = Field("", description="Address of a server whose `/metrics` a run reads; empty for none.")
    metrics_key: SecretStr | None = Field(None, description="API key for that, where the server wants one.")
    metrics_s: float = Field(5.0, gt=0, le=300, description="Seconds between the two looks at a server's metrics.")


class Review(Concern):
    """What people are asked to look at, and when what they said asks for a retraining."""

    section: ClassVar[str] = "review"
    window: str = Field("7d", description="Answers and feedback that `aisle review fill` looks at, as 24h or 7d.")
    lease_s: float = Field(900.0, ge=10, le=86_400, description="Seconds for which a reviewer has a product alone.")
    double_share: float = Field(0.1, ge=0, le=1, description="Share of products that two people review.")
    draw_share: float = Field(0.01, ge=0, le=1, description="Share of answered products that chance picks for review.")
    costs: str = Field("", description="What a wrong answer costs by category, as 10=2,50=0.5; 1 for all others.")
    corrections: int = Field(500, ge=1, description="Labels given since the champion's snapshot that ask for a retraining.")
    max_age: str = Field("90d", description="Age of the champion that asks for a retraining, as 90d.")
    max_fall: float = Field(0.02, ge=0, lt=1, description="Accuracy by which answers may surely be below the gold rows'.")


CONCERNS: tuple[type[Concern], ...] = (
    *(Workspace, Database, Objects, Tracking, Catalog, Training, Serving, Exporter, Monitoring),
    Review,
)
"""Every settings class, in the order in which they are shown."""


@dataclass(frozen=True)
class Settings:
    """All settings of one process, and where each came from (`origins`, by environment name)."""

    workspace: Workspace
    database: Database
    objects: Objects
    tracking: Tracking
    catalog: Catalog
    training: Training
    serving: Serving
    exporter: Exporter
    monitoring: Monitoring
    review: Review
    origins: dict[str, str]


def variable(concern: type[Concern], field: str) -> str:
    """Return the environment name of a field.

    >>> variable(Database, "url"), variable(Workspace, "home")
    ('AISLE_DATABASE_URL', 'AISLE_HOME')
    """
    return "_".join(part for part in ("aisle", concern.section, field) if part).upper()
