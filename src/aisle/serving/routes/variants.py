"""`/v1/models/shadow`: what came of a version that is tried beside the champion."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from aisle.errors import ObjectNotFound
from aisle.serving import schemas, variant_schemas
from aisle.serving.champions import Trouble
from aisle.serving.comparison import share_interval
from aisle.serving.openapi import answer, problems
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

router = APIRouter(tags=["models"])


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
    low, high = share_interval(results.agree, results.agree + results.differ)
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
        agreement=variant_schemas.Share(share=results.agree / max(results.agree + results.differ, 1), low=low, high=high),
        confidence_difference=results.difference,
        pairs=[
            variant_schemas.DifferingPair(champion=one, shadow=two, products=products)
            for one, two, products in results.pairs
        ],
        other_pairs=results.others,
    )


def states(service: Service) -> list[variant_schemas.VariantState]:
    """Return how the versions stand that are tried beside the champion."""
    return [_state("shadow", service.shadow)] if service.shadow else []


def refusal(trouble: Trouble | None) -> schemas.Refusal | None:
    """Return why a version could not be taken into service, if it could not."""
    if trouble is None:
        return None
    version, bundle = (trouble.ref.version, trouble.ref.bundle) if trouble.ref else (None, None)
    return schemas.Refusal(reason=trouble.reason, version=version, bundle=bundle)


def _state(variant: Literal["canary", "shadow"], found: Shadow) -> variant_schemas.VariantState:
    return variant_schemas.VariantState(
        variant=variant, version=found.watch.version or 0, state=found.state, refused=refusal(found.watch.trouble)
    )
