"""Files to run aisle with: Prometheus, Alertmanager and Grafana."""
