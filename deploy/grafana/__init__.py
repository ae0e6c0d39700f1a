"""Grafana boards, and their provisioning."""
