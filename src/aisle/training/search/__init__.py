"""The search for the best options of each family: successive halving inside a budget, resumable, the same twice.

Usage:

    plan = plan_search(candidates, rows, Budget.parse("10m"), jobs=2, seed=2025, share=0.6)
    with open_journal(folder, snapshot=…, configuration=…, commit=…, plan=plan) as journal:
        outcome = run_search(plan, evaluate, jobs=2, journal=journal, deadline=time.monotonic() + 360)
"""

from aisle.training.search.budget import Budget
from aisle.training.search.halving import run_search
from aisle.training.search.journal import Journal, open_journal
from aisle.training.search.outcome import SearchOutcome, Skipped
from aisle.training.search.plan import Rung, SearchPlan, plan_search
from aisle.training.search.records import trial_records
from aisle.training.search.subsample import rung_rows
from aisle.training.search.trial import Attempt, Bracket, Candidate, Trial, TrialResult

__all__ = [
    "Attempt",
    "Bracket",
    "Budget",
    "Candidate",
    "Journal",
    "Rung",
    "SearchOutcome",
    "SearchPlan",
    "Skipped",
    "Trial",
    "TrialResult",
    "open_journal",
    "plan_search",
    "run_search",
    "rung_rows",
    "trial_records",
]
