"""The classifiers and the bundle, the one artefact that carries them."""
