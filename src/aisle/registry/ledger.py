"""The promotion ledger: which version is champion, who decided so, why and on what evidence. Rows are only ever added.

The rows are numbered 1, 2, 3 … without a gap, and a row is written only by a caller who names the row that it follows:
of any number of callers who saw the same champion, one wins and the others get `LedgerConflict`. MLflow's alias
`champion` is a projection of the last row and never read to decide anything.

A rollback goes to the champion before the current one. Think of the champions as a pile: a promotion lays its version
on top, a rollback takes the top version out of the pile, wherever it lies, and the next one is champion again. So:

    promote 1, 2, 3, rollback             2 is champion
    … rollback                            1 is champion, not 3: a version rolled back from is not gone back to
    … rollback                            refused: nobody was champion before 1
    … promote 4, rollback                 1 is champion: 2 and 3 stay taken out
    … promote 3                           3 is champion: a person may promote anything again
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select
from sqlalchemy.exc import IntegrityError

from aisle.digest import canonical_json
from aisle.errors import LedgerConflict, RegistryError, VersionNotFound
from aisle.registry.records import Action, ModelVersion, Promotion
from aisle.storage.database import Database
from aisle.storage.schema import models, promotions


class Ledger:
    """The registered versions and the promotions among them, in a database.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_model(self, version: int, bundle: str, snapshot: str, run_id: str, metrics: Mapping[str, Any]) -> ModelVersion:
        """Add a version, or return the row that says so already.

        Args:
            version: The number that MLflow gave it, from 1.
            bundle: The bundle's digest.
            snapshot: The digest of the snapshot that it learnt from.
            run_id: The MLflow run that made it.
            metrics: Its figures, as JSON; they and the run are kept as they were first added.

        Raises:
            RegistryError: The version is another bundle's, or the bundle another version's.
        """
        values = {
            "version": version,
            "bundle": bundle,
            "snapshot": snapshot,
            "run_id": run_id,
            "metrics": canonical_json(metrics).decode(),
        }
        try:
            with self._database.transaction() as connection:
                taken = _model_row(connection, version, bundle)
                if taken is None:
                    return ModelVersion.from_row(connection.execute(insert(models).values(values).returning(models)).one())
        except IntegrityError:
            # Somebody added it between the look and the write: look again.
            with self._database.reading() as connection:
                taken = _model_row(connection, version, bundle)
            if taken is None:
                raise
        if (taken.version, taken.bundle) != (version, bundle):
            raise RegistryError(
                f"Version {version} cannot be bundle {bundle[:12]}: version {taken.version} is bundle {taken.bundle[:12]}.",
                hint="The registered models in MLflow and in this database are not each other's: check AISLE_TRACKING_URL"
                " and AISLE_DATABASE_URL.",
            )
        return ModelVersion.from_row(taken)

    def models(self) -> list[ModelVersion]:
        """Return every version, oldest first."""
        with self._database.reading() as connection:
            return [ModelVersion.from_row(row) for row in connection.execute(select(models).order_by(models.c.version))]

    def model(self, version: int) -> ModelVersion:
        """Return a version by its number.

        Raises:
            VersionNotFound: There is no such version.
        """
        with self._database.reading() as connection:
            return ModelVersion.from_row(_known_model(connection, version))

    def find(self, bundle: str) -> ModelVersion | None:
        """Return the version that a bundle is registered as, if it is."""
        with self._database.reading() as connection:
            row = connection.execute(select(models).where(models.c.bundle == bundle)).one_or_none()
        return None if row is None else ModelVersion.from_row(row)

    def champion(self) -> Promotion | None:
        """Return the row in force, or nothing before the first promotion."""
        with self._database.reading() as connection:
            return _last(connection)

    def history(self) -> list[Promotion]:
        """Return every promotion and rollback, oldest first."""
        with self._database.reading() as connection:
            return _rows(connection)

    def promote(
        self, version: int, *, actor: str, reason: str, evidence: Mapping[str, Any], expected: int | None
    ) -> Promotion:
        """Make a version champion, if the champion is still the one that the caller saw.

        Args:
            version: The version. Where it is champion already, nothing is written and its row is returned.
            actor: Who decides.
            reason: Why, as one sentence.
            evidence: The figures that the decision rests on, as JSON.
            expected: Number of the row that the caller saw in force; 0 or nothing where there was none.

        Raises:
            LedgerConflict: Another row is in force by now.
            VersionNotFound: There is no such version.
            RegistryError: Actor or reason is blank.
        """
        _check_words(actor, reason)
        with self._database.reading() as connection:
            _known_model(connection, version)
            current = _last(connection)
        _check_expected(current, expected or 0)
        if current is not None and current.version == version:
            return current
        return self._append(current, version, "promote", actor=actor, reason=reason, evidence=evidence)

    def rollback(self, *, actor: str, reason: str, expected: int | None = None) -> Promotion:
        """Make the champion before the current one champion again; the module says which one that is.

        Args:
            actor: Who decides.
            reason: Why, as one sentence.
            expected: Number of the row that the caller saw in force; by default whichever is. Two people who press the
                button at once go back one step each unless they say what they saw.

        Raises:
            LedgerConflict: Another row is in force by now.
            RegistryError: Nobody was champion before, or actor or reason is blank.
        """
        _check_words(actor, reason)
        with self._database.reading() as connection:
            history = _rows(connection)
        current = history[-1] if history else None
        if expected is not None:
            _check_expected(current, expected)
        pile = _pile(history)
        if current is None or not (before := [version for version in pile if version != current.version]):
            raise RegistryError(
                f"There is no version to go back to from version {current.version}."
                if current
                else "There is no champion to go back from.",
                hint="Promote the version that you want with `aisle models promote VERSION`.",
            )
        evidence = {"rolled_back": current.seq}
        return self._append(current, before[-1], "rollback", actor=actor, reason=reason, evidence=evidence)

    def _append(
        self,
        current: Promotion | None,
        version: int,
        action: Action,
        *,
        actor: str,
        reason: str,
        evidence: Mapping[str, Any],
    ) -> Promotion:
        followed = current.seq if current else 0
        values = {
            "seq": followed + 1,
            "version": version,
            "previous": current.version if current else None,
            "action": action,
            "actor": actor,
            "reason": reason,
            "evidence": canonical_json(evidence).decode(),
        }
        # The number is the primary key: whoever writes it second fails, whatever the database and its isolation.
        try:
            with self._database.transaction() as connection:
                return Promotion.from_row(connection.execute(insert(promotions).values(values).returning(promotions)).one())
        except IntegrityError:
            _check_expected(self.champion(), followed)
            raise


def _check_expected(current: Promotion | None, expected: int) -> None:
    if (current.seq if current else 0) == expected:
        return
    if current is None:
        raise LedgerConflict(f"Row {expected} is not in this ledger, which is empty.", hint="Check AISLE_DATABASE_URL.")
    raise LedgerConflict(
        f"{current.actor} made version {current.version} champion ({current.action}, row {current.seq}), which is not"
        f" the row {expected} that this decision followed.",
        hint="Look at `aisle models history` and decide again.",
    )


def _check_words(actor: str, reason: str) -> None:
    for name, value in (("who decided", actor), ("the reason", reason)):
        # PostgreSQL's text holds no NUL.
        if not value.strip() or "\0" in value:
            raise RegistryError(f"The ledger keeps {name}, and it is blank or holds NUL.", hint="Give both, in words.")


def _pile(history: Iterable[Promotion]) -> list[int]:
    """Return the versions that a rollback may go to, in the order in which they became champion; the last is champion."""
    pile: list[int] = []
    for row in history:
        if row.action == "promote":
            pile.append(row.version)
        else:
            pile = [version for version in pile if version != row.previous]
    return pile


def _rows(connection: Connection) -> list[Promotion]:
    return [Promotion.from_row(row) for row in connection.execute(select(promotions).order_by(promotions.c.seq))]


def _last(connection: Connection) -> Promotion | None:
    row = connection.execute(select(promotions).order_by(promotions.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else Promotion.from_row(row)


def _model_row(connection: Connection, version: int, bundle: str) -> Row[Any] | None:
    either = or_(models.c.version == version, models.c.bundle == bundle)
    return connection.execute(select(models).where(either).order_by(models.c.version).limit(1)).one_or_none()


def _known_model(connection: Connection, version: int) -> Row[Any]:
    row = connection.execute(select(models).where(models.c.version == version)).one_or_none()
    if row is None:
        raise VersionNotFound(f"There is no version {version}.", hint="`aisle models list` shows those that there are.")
    return row
