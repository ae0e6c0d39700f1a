"""The report of a monitoring run: one HTML page that needs nothing beside itself."""
