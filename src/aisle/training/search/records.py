"""A search's trials as records, for whoever keeps or shows them."""

from aisle.registry.records import TrialRecord
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.trial import Attempt, Trial

_MEGA = 1_000_000


def trial_records(outcome: SearchOutcome) -> tuple[TrialRecord, ...]:
    """Return a record of each trial that was begun, in the plan's order, with its figures on every rung."""
    attempts: dict[Trial, list[Attempt]] = {candidate.trial: [] for candidate in outcome.plan.entrants}
    for attempt in outcome.attempts:
        attempts[attempt.trial].append(attempt)
    return tuple(_record(outcome, trial, curve) for trial, curve in attempts.items() if curve)


def _record(outcome: SearchOutcome, trial: Trial, attempts: list[Attempt]) -> TrialRecord:
    won = trial.bracket in outcome.winners and outcome.winners[trial.bracket].trial == trial
    return TrialRecord(
        trial_id=trial.id,
        name=f"{trial.bracket} {trial.id[:6]}",
        parameters={**trial.options, "family": trial.family, "modality": trial.modality, "winner": won},
        curve=[_figures(outcome, attempt) for attempt in attempts],
        lost=attempts[-1].lost,
    )


def _figures(outcome: SearchOutcome, attempt: Attempt) -> dict[str, float]:
    rung = outcome.plan.rungs[attempt.rung]
    figures = {
        "rung": attempt.rung,
        "rows": rung.rows,
        "seconds": attempt.seconds,
        "estimated_seconds": outcome.plan.candidates[attempt.trial].cost_at(rung.share),
        "peak_mb": attempt.peak_bytes / _MEGA,
    }
    if attempt.result is not None:
        judged = {
            "score": attempt.result.score,
            "standard_error": attempt.result.standard_error,
            "log_loss": attempt.result.log_loss,
        }
        figures |= {name: value for name, value in judged.items() if value is not None}
    return figures
