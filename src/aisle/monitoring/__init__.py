"""What the data is like: statistics and quality of the catalogue."""
