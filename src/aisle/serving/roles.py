"""What a loaded model does in a server, and how that shows in the metrics."""

from typing import Literal, TypeAlias

from aisle import __version__
from aisle.serving.predictor import ChampionRef
from aisle.telemetry import Telemetry

Role: TypeAlias = Literal["champion", "canary", "shadow"]
"""The champion answers, a canary answers a share, a shadow only scores."""


class Sign:
    """Shows which version is in service in one role, and what became of those that were to be.

    Args:
        role: The role.
        telemetry: Where it shows.
        pinned: Whether one version is held, whoever is champion.
    """

    def __init__(self, role: Role, telemetry: Telemetry, *, pinned: bool) -> None:
        self._role = role
        self._telemetry = telemetry
        if role == "champion":
            telemetry.gauge("aisle_model_pinned").set(pinned)
        self.absent()

    def absent(self) -> None:
        """Show that no version is in service."""
        self._show("none")
        self._ready(0)

    def named(self, ref: ChampionRef) -> None:
        """Show which version it is."""
        self._show(str(ref.version))

    def taken(self, ref: ChampionRef, *, load_s: float, swap_s: float) -> None:
        """Show that a version was taken into service.

        Args:
            ref: The version.
            load_s: Seconds that fetching, verifying and replaying took.
            swap_s: Seconds until it answered: the load and the warming.
        """
        if self._role == "champion":
            self._telemetry.gauge("aisle_model_load_seconds").set(load_s)
        self._telemetry.timing("aisle_model_swap_seconds", self._role).observe(swap_s)
        self._count("taken")
        self._ready(1)
        self._show(str(ref.version))

    def refused(self) -> None:
        """Count a version that could not be taken into service."""
        self._count("refused")

    def _count(self, outcome: str) -> None:
        if self._role == "champion":
            self._telemetry.series("aisle_model_swaps_total", outcome).inc()
        else:
            self._telemetry.series("aisle_variant_loads_total", self._role, outcome).inc()

    def _ready(self, ready: int) -> None:
        if self._role == "champion":
            self._telemetry.gauge("aisle_model_ready").set(ready)
        else:
            self._telemetry.gauge("aisle_variant_ready").labels(self._role).set(ready)

    def _show(self, model_version: str) -> None:
        if self._role == "champion":
            build = self._telemetry.gauge("aisle_build_info")
            build.clear()
            build.labels(__version__, model_version).set(1)
        else:
            self._telemetry.gauge("aisle_variant_version").labels(self._role).set(
                0 if model_version == "none" else int(model_version)
            )
