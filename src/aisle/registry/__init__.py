"""Which model is champion, and why: MLflow, the promotion ledger and its gate."""
