"""Real servers for tests and benchmarks: each on loopback, in a folder of its own, stopped by who started it."""
