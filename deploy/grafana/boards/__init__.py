"""The Grafana boards as code; `python -m deploy.grafana.build` writes them as JSON."""
