"""`/v1/models/canary` and `/v1/models/shadow`: what came of the versions that are tried beside the champion."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from aisle.errors import ObjectNotFound
from aisle.serving import schemas, variant_schemas
from aisle.serving.canary import Canary, Tally
from aisle.serving.champions import Trouble
from aisle.serving.comparison import share_interval
from aisle.serving.openapi import answer, problems
from aisle.serving.predictor import Champion
from aisle.serving.service import Service, ServiceDep
from aisle.serving.shadow import Shadow

_MODEL = {"version": 3, "bundle": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
_SHADOW = {
    "variant": "shadow",
    "version": 4,
    "state": "live",
    "refused": None,
    "champion": _MODEL,
    "since": "2026-01-31T12:00:00Z",
    "agree": 942,
    "differ": 58,
    "dropped": 0,
    "failed": 0,
    "agreement": {"share": 0.942, "low": 0.9258, "high": 0.9548},
    "confidence_difference": 0.012,
    "pairs": [{"champion": "2583", "shadow": "2582", "products": 9}],
    "other_pairs": 0,
}

_REVIEW = {"share": 0.05, "low": 0.0381, "high": 0.0653}
_SIDE = {"version": 3, "requests": 1000, "products": 1000, "review": _REVIEW, "seconds": 0.0021}
_CANARY = {
    "variant": "canary",
    "version": 4,
    "state": "live",
    "refused": None,
    "share": 0.05,
    "failed": 0,
    "champion_side": _SIDE,
    "canary_side": {**_SIDE, "version": 4},
}

router = APIRouter(tags=["models"])


@router.get(
    "/v1/models/canary",
    operation_id="canary",
    summary="What a canary answered, beside the champion",
    response_model=None,
    responses=answer("What came of it so far.", "CanaryAnswer", _CANARY) | problems(),
)
async def canary(service: ServiceDep) -> variant_schemas.CanaryAnswer:
    """Return what canary and champion answered while both did: how much, how fast, how often a person should look.

    The counts are this server's own.
    """
    found = service.canary
    if found is None:
        raise ObjectNotFound("This server has no canary.", hint="Start it with `aisle serve --canary VERSION`.")
    return variant_schemas.CanaryAnswer(
        **dict(_state("canary", found)),
        share=found.share,
        failed=found.failures,
        champion_side=_side(found.tallies["champion"], service.watch.champion),
        canary_side=_side(found.tallies["canary"], found.watch.champion),
    )


@router.get(
    "/v1/models/shadow",
    operation_id="shadow",
    summary="What a shadow would have answered",
    response_model=None,
    responses={**answer("What came of it so far.", "ShadowAnswer", _SHADOW), **problems(422)},
)
async def shadow(
    service: ServiceDep,
    pairs: Annotated[int, Query(ge=0, le=schemas.MAX_TOP, description="Pairs of categories told.")] = 10,
) -> variant_schemas.ShadowAnswer:
    """Return how often the shadow agrees with the champion, and where it does not.

    The counts are this server's own, and begin anew when another champion comes.
    """
    found = service.shadow
    if found is None:
        raise ObjectNotFound("This server has no shadow.", hint="Start it with `aisle serve --shadow VERSION`.")
    results = found.comparison.results(pairs)
    return variant_schemas.ShadowAnswer(
        **dict(_state("shadow", found)),
        champion=schemas.ModelRef(version=results.champion.version, bundle=results.champion.bundle)
        if results.champion
        else None,
        since=results.since,
        agree=results.agree,
        differ=results.differ,
        dropped=found.dropped,
        failed=found.failed,
        agreement=_share(results.agree, results.agree + results.differ),
        confidence_difference=results.difference,
        pairs=[
            variant_schemas.DifferingPair(champion=one, shadow=two, products=products)
            for one, two, products in results.pairs
        ],
        other_pairs=results.others,
    )


def states(service: Service) -> list[variant_schemas.VariantState]:
    """Return how the versions stand that are tried beside the champion."""
    found: list[variant_schemas.VariantState] = []
    if service.canary:
        found.append(_state("canary", service.canary))
    if service.shadow:
        found.append(_state("shadow", service.shadow))
    return found


def refusal(trouble: Trouble | None) -> schemas.Refusal | None:
    """Return why a version could not be taken into service, if it could not."""
    if trouble is None:
        return None
    version, bundle = (trouble.ref.version, trouble.ref.bundle) if trouble.ref else (None, None)
    return schemas.Refusal(reason=trouble.reason, version=version, bundle=bundle)


def _state(variant: Literal["canary", "shadow"], found: Canary | Shadow) -> variant_schemas.VariantState:
    return variant_schemas.VariantState(
        variant=variant, version=found.watch.version or 0, state=found.state, refused=refusal(found.watch.trouble)
    )


def _side(tally: Tally, who: Champion | None) -> variant_schemas.VariantTally:
    return variant_schemas.VariantTally(
        version=who.ref.version if who else None,
        requests=tally.requests,
        products=tally.products,
        review=_share(tally.reviewed, tally.products),
        seconds=tally.seconds / max(tally.requests, 1),
    )


def _share(hits: int, total: int) -> variant_schemas.Share:
    low, high = share_interval(hits, total)
    return variant_schemas.Share(share=hits / max(total, 1), low=low, high=high)
