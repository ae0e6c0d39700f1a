"""The steps of the main job, their order, and running them here."""
