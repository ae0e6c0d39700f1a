"""Runs, registered versions and the alias `champion` in MLflow.

MLflow shows and compares; it decides nothing. The promotion ledger says who is champion, and `Tracking.reconcile` makes
the alias say the same, whatever happened in between.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from aisle.errors import TrackingError
from aisle.models.manifest import Sealed, read_sealed
from aisle.registry.ledger import Ledger
from aisle.registry.mlflow.package import note, save_package
from aisle.registry.mlflow.run import Run, figures
from aisle.registry.mlflow.session import Session
from aisle.registry.mlflow.trials import PARENT_TAG, log_trials
from aisle.registry.records import TrialRecord
from aisle.settings import Tracking as TrackingSettings

CHAMPION = "champion"
"""The alias of the version in service."""

BUNDLE_TAG = "aisle.bundle_digest"
"""The tag by which a version names its bundle."""

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Projection:
    """What became of the alias `champion`: the version that it named before, and the one that it names now."""

    before: int | None
    after: int | None

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return self.before != self.after

    def __str__(self) -> str:
        """Return it as a sentence."""
        if not self.changed:
            return (
                f"The alias names version {self.after}, as the ledger does." if self.after else "There is no champion yet."
            )
        if self.after is None:
            return f"The alias named version {self.before}; the ledger has no champion, so it is gone."
        before = f"version {self.before}" if self.before else "nothing"
        return f"The alias named {before}; now it names version {self.after}, as the ledger does."


@dataclass(frozen=True, slots=True)
class Registered:
    """A version of the model, and the run that made it."""

    version: int
    run_id: str


class Tracking:
    """One experiment and one registered model in one MLflow. Making it imports MLflow, and connects to nothing yet.

    Args:
        options: Where MLflow is, and the names of the experiment and of the model.

    Raises:
        TrackingError: The address is neither an SQLite file nor an MLflow server.
    """

    def __init__(self, options: TrackingSettings) -> None:
        self._options = options
        self._session = Session(options)

    @contextmanager
    def start_run(
        self,
        name: str,
        *,
        parameters: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
        parent_run_id: str | None = None,
    ) -> Iterator[Run]:
        """Open a run, and end it as finished, failed or (by Ctrl-C) killed.

        Args:
            name: The run's name.
            parameters: What was chosen before it.
            tags: Words about it, such as `mlflow.source.git.commit`.
            parent_run_id: The run that it is shown under.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        nested = {PARENT_TAG: parent_run_id} if parent_run_id else {}
        with self._session.client("start a run") as client:
            experiment = self._experiment(client)
            started = client.create_run(
                experiment, run_name=name, tags={"mlflow.source.name": "aisle", **nested, **(tags or {})}
            )
        run = Run(self._session, started.info.run_id, experiment)
        try:
            run.log_parameters(parameters or {})
            yield run
        except BaseException as error:
            try:
                run.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            except TrackingError as lost:
                error.add_note(str(lost))
            raise
        run.end("FINISHED")

    def log_trials(self, parent_run_id: str, records: Sequence[TrialRecord]) -> int:
        """Show a search's trials as runs under a run; those that it has already are left as they are.

        Args:
            parent_run_id: The training's run.
            records: The trials.

        Returns:
            How many were written now.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        return log_trials(self._session, parent_run_id, records)

    def log_folder(self, run_id: str, folder: Path, name: str) -> None:
        """Keep the files of a folder as a run's artefacts.

        Args:
            run_id: The run.
            folder: The files.
            name: Where they are to be among the run's artefacts.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("keep the report") as client:
            client.log_artifacts(run_id, str(folder), name)

    def publish(
        self, bundle_folder: Path, *, snapshot: str, commit: str, parameters: Mapping[str, object] | None = None
    ) -> Registered:
        """Show a bundle in MLflow: a run with its figures and data, and a version; one that is known is only looked up.

        Args:
            bundle_folder: The bundle; every byte of it is verified first.
            snapshot: Digest of the snapshot that it learnt from.
            commit: The commit of the program that publishes it, or `unknown`.
            parameters: What the training was steered by.

        Raises:
            BundleError: The bundle is damaged.
            TrackingError: MLflow cannot be reached, or refused.
        """
        sealed = read_sealed(bundle_folder)
        digest = str(sealed.manifest["digest"])
        if (known := self.version_of(digest)) is not None:
            return known
        chosen = {name: sealed.manifest[name] for name in ("digest", "snapshot", "configuration", "format")}
        tags = {"mlflow.source.git.commit": commit}
        with self.start_run(f"bundle {digest[:12]}", parameters={**(parameters or {}), **chosen}, tags=tags) as run:
            run.log_dataset(snapshot, "snapshot")
            run.log_metrics(figures(orjson.loads(sealed.files.get("metrics.json", b"{}"))))
            return self._register(run, bundle_folder, sealed)

    def register(self, run: Run, bundle_folder: Path) -> int:
        """Register a bundle as a version of the model, or return the version that it is already.

        Args:
            run: The run that made it.
            bundle_folder: The bundle; every byte of it is verified first.

        Returns:
            The version's number, from 1.

        Raises:
            BundleError: The bundle is damaged.
            TrackingError: MLflow cannot be reached, or refused.
        """
        return self._register(run, bundle_folder, read_sealed(bundle_folder)).version

    def version_of(self, digest: str) -> Registered | None:
        """Return the version that a bundle is, if it was registered.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        # The settings keep quotes out of the name, for which MLflow's filters know no escape.
        query = f"name = '{self._options.model}' AND tags.`{BUNDLE_TAG}` = '{digest}'"
        with self._session.client("look for the model") as client:
            found = [Registered(int(version.version), version.run_id) for version in client.search_model_versions(query)]
        return min(found, key=lambda registered: registered.version, default=None)

    def champion(self) -> int | None:
        """Return the version that the alias `champion` names, if any.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("read the alias") as client:
            try:
                aliases = client.get_registered_model(self._options.model).aliases
            except self._session.mlflow.MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None
        return int(aliases[CHAMPION]) if CHAMPION in aliases else None

    def project_champion(self, version: int) -> None:
        """Let the alias `champion` name a version.

        Raises:
            TrackingError: MLflow cannot be reached, or knows no such version.
        """
        with self._session.client(f"name version {version} champion") as client:
            client.set_registered_model_alias(self._options.model, CHAMPION, str(version))

    def reconcile(self, ledger: Ledger) -> Projection:
        """Make the alias say what the ledger says, and tell what had to be done.

        It looks again after each repair, so a promotion that comes in between is not undone.

        Raises:
            TrackingError: MLflow cannot be reached, or knows no such version.
        """
        before = alias = self.champion()
        while alias != (wanted := _champion_of(ledger)):
            if wanted is None:
                with self._session.client("drop the alias") as client:
                    client.delete_registered_model_alias(self._options.model, CHAMPION)
            else:
                self.project_champion(wanted)
            alias = wanted
        return Projection(before, alias)

    def _experiment(self, client: Any) -> str:
        name = self._options.experiment
        if (found := client.get_experiment_by_name(name)) is None:
            try:
                return str(client.create_experiment(name, artifact_location=self._artifact_root()))
            except self._session.mlflow.MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = client.get_experiment_by_name(name)
        return str(found.experiment_id)

    def _artifact_root(self) -> str | None:
        """Return where artefacts go: as set, beside an SQLite file, or where a server decides."""
        if self._options.artifact_root or not self._options.url.startswith(_SQLITE):
            return self._options.artifact_root
        return (Path(self._options.url.removeprefix(_SQLITE)).absolute().parent / "mlflow-artifacts").as_uri()

    def _ensure_model(self, client: Any) -> None:
        try:
            client.create_registered_model(self._options.model, description="Product classifier of aisle.")
        except self._session.mlflow.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _register(self, run: Run, bundle_folder: Path, sealed: Sealed) -> Registered:
        digest = str(sealed.manifest["digest"])
        if (known := self.version_of(digest)) is not None:
            return known
        card = note(sealed.files.get("card.md", b"").decode())
        tags = {
            BUNDLE_TAG: digest,
            "mlflow.source.git.commit": str(sealed.manifest["commit"]),
            "mlflow.note.content": card,
        }
        with self._session.client("register the model") as client:
            logged = self._log_model(client, run, bundle_folder, tags)
            self._ensure_model(client)
            # The place and not `models:/ID`: that one MLflow's SQLite store would look up in the process-wide store.
            client.create_model_version(
                self._options.model,
                logged.artifact_location,
                run_id=run.run_id,
                tags=tags,
                description=card,
                model_id=logged.model_id,
            )
        # Two who register one bundle at once make two versions, and both return the first.
        if (version := self.version_of(digest)) is None:
            raise TrackingError(f"MLflow at {self._session.address} does not show the version that it just took.")
        return version

    def _log_model(self, client: Any, run: Run, bundle_folder: Path, tags: Mapping[str, str]) -> Any:
        mlflow = self._session.mlflow
        logged = client.create_logged_model(run.experiment_id, name="bundle", source_run_id=run.run_id, tags=dict(tags))
        client.log_outputs(run.run_id, [mlflow.entities.LoggedModelOutput(logged.model_id, step=0)])
        model = mlflow.models.Model(
            artifact_path=logged.artifact_location,
            run_id=run.run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
        )
        with tempfile.TemporaryDirectory(prefix="aisle-") as folder:
            save_package(mlflow, model, bundle_folder, Path(folder, "model"))
            client.log_model_artifacts(logged.model_id, str(Path(folder, "model")))
        return client.finalize_logged_model(logged.model_id, "READY")


def _champion_of(ledger: Ledger) -> int | None:
    champion = ledger.champion()
    return champion.version if champion else None
