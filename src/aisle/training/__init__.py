"""From a snapshot to a judged bundle: split, fit, evaluate."""
