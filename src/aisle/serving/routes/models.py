"""`/v1/models` and `/v1/categories`: which model answers, and what it can answer."""

from fastapi import APIRouter

from aisle.serving import schemas
from aisle.serving.openapi import answer, problems
from aisle.serving.service import ServiceDep

_MODEL = {"version": 3, "bundle": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
_CHAMPION = {**_MODEL, "sequence": 7, "pinned": False, "categories": 27, "loaded_at": "2026-01-31T12:00:00Z"}
_CATEGORIES = {"categories": [{"code": "2583", "name": "Swimming pools and accessories"}], "model": _MODEL}

_LISTED = {**_MODEL, "snapshot": "a1138cfb562f", "champion": True, "metrics": {"weighted_f1": 0.79}}
_LIST = {"models": [{**_LISTED, "created_at": "2026-01-31T11:58:00Z"}], "sequence": 7}

router = APIRouter(tags=["models"])


@router.get(
    "/v1/models",
    operation_id="models",
    summary="The registered versions",
    response_model=None,
    responses={**answer("Every version, oldest first.", "ModelList", _LIST), **problems(503)},
)
async def models(service: ServiceDep) -> schemas.ModelList:
    """Return every registered version, and the number of the ledger's row that is in force."""
    ledger = service.records.ledger
    known, in_force = await service.desk.run(lambda: (ledger.models(), ledger.champion()))
    champion = in_force.version if in_force else None
    listed = [
        schemas.RegisteredModel(
            version=model.version,
            bundle=model.bundle,
            snapshot=model.snapshot,
            champion=model.version == champion,
            metrics=dict(model.metrics),
            created_at=model.created_at,
        )
        for model in known
    ]
    return schemas.ModelList(models=listed, sequence=in_force.seq if in_force else 0)


@router.get(
    "/v1/models/champion",
    operation_id="champion",
    summary="The model in service",
    response_model=None,
    responses={**answer("The model that answers now.", "ChampionAnswer", _CHAMPION), **problems(503)},
)
async def champion(service: ServiceDep) -> schemas.ChampionAnswer:
    """Return which model answers predictions now."""
    serving = service.champion()
    return schemas.ChampionAnswer(
        version=serving.ref.version,
        bundle=serving.ref.bundle,
        sequence=serving.ref.sequence,
        pinned=service.watch.version is not None,
        categories=len(serving.model.categories),
        loaded_at=serving.loaded_at,
    )


@router.get(
    "/v1/categories",
    operation_id="categories",
    summary="The categories",
    response_model=None,
    responses={**answer("Every category, by code.", "CategoryList", _CATEGORIES), **problems(503)},
)
async def categories(service: ServiceDep) -> schemas.CategoryList:
    """Return every category that the model in service can answer, by code."""
    serving = service.champion()
    named = sorted(serving.model.categories.items())
    return schemas.CategoryList(
        categories=[schemas.Category(code=code, name=name) for code, name in named],
        model=schemas.ModelRef(version=serving.ref.version, bundle=serving.ref.bundle),
    )
