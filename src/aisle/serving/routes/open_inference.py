"""`/v2`: the Open Inference Protocol, as KServe, Triton and their clients speak it."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle import __version__
from aisle.errors import ObjectNotFound, UnsupportedContent
from aisle.serving import protocol_schemas
from aisle.serving.answering import Asked, answer
from aisle.serving.intake import require_json
from aisle.serving.open_inference import (
    INPUTS,
    MODEL,
    MORE,
    OUTPUTS,
    categories_told,
    read_inference,
    spell_inference,
)
from aisle.serving.openapi import REQUEST_KEY, problems
from aisle.serving.openapi import answer as answer_of
from aisle.serving.predictor import Champion
from aisle.serving.problems import request_id
from aisle.serving.service import Service, ServiceDep

_TITLES = {"name": "title", "shape": [2], "datatype": "BYTES", "data": ["Piscine hors sol ronde 3,66 m", "Manette sans fil"]}
_EXAMPLES: dict[str, Any] = {
    "titles": {"summary": "Two titles", "value": {"id": "r-1", "inputs": [_TITLES]}},
    "probabilities": {
        "summary": "Every category's probability",
        "value": {"inputs": [_TITLES], "outputs": [{"name": "code"}, {"name": "categories"}, {"name": "probabilities"}]},
    },
}
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceRequest"}, "examples": _EXAMPLES}},
}
_ANSWER = {
    "model_name": MODEL,
    "model_version": "3",
    "outputs": [{"name": "code", "datatype": "BYTES", "shape": [1], "data": ["2583"]}],
    "id": "r-1",
}
_SERVER = {"name": MODEL, "version": __version__, "extensions": []}
_TENSOR = {"name": "title", "datatype": "BYTES", "shape": [-1]}
_META = {"name": MODEL, "versions": ["3"], "platform": "aisle", "inputs": [_TENSOR], "outputs": [_TENSOR]}
_MODEL_PATH = f"/v2/models/{MODEL}"
_READY = {"name": MODEL, "ready": True}

router = APIRouter(prefix="/v2", tags=["open inference protocol"])


@router.get(
    "/health/live",
    operation_id="v2_live",
    summary="Is the server alive",
    response_model=None,
    responses={**answer_of("It is.", "InferenceLive", {"live": True}), **problems(shape="InferenceProblem")},
)
async def live() -> protocol_schemas.InferenceLive:
    """Answer as long as the process can."""
    return protocol_schemas.InferenceLive(live=True)


@router.get(
    "/health/ready",
    operation_id="v2_ready",
    summary="May requests be sent here",
    response_model=None,
    responses={**answer_of("They may.", "InferenceReady", {"ready": True}), **problems(503, shape="InferenceProblem")},
)
async def ready(service: ServiceDep) -> protocol_schemas.InferenceReady:
    """Answer whether a verified model is in service and the server is not stopping."""
    service.ready()
    return protocol_schemas.InferenceReady(ready=True)


@router.get(
    "",
    operation_id="v2_server",
    summary="What the server is",
    response_model=None,
    responses={**answer_of("Its name and extensions.", "InferenceServer", _SERVER), **problems(shape="InferenceProblem")},
)
async def server() -> protocol_schemas.InferenceServer:
    """Return the server's name, release and extensions; there are none."""
    return protocol_schemas.InferenceServer(name=MODEL, version=__version__, extensions=[])


async def metadata(service: ServiceDep, model: str, version: str | None = None) -> protocol_schemas.InferenceModel:
    """Return the tensors that the model takes and gives; the one model is called `aisle`."""
    champion = _serving(service, model, version)
    categories = len(champion.model.categories)
    shapes = {"probabilities": [-1, categories], "categories": [categories]}
    return protocol_schemas.InferenceModel(
        name=MODEL,
        versions=_versions(service),
        platform="aisle",
        inputs=[protocol_schemas.TensorShape(name=name, datatype="BYTES", shape=[-1]) for name in INPUTS],
        outputs=[
            protocol_schemas.TensorShape(
                name=name,
                datatype="FP32" if name in {"confidence", "probabilities"} else "BYTES",
                shape=shapes.get(name, [-1]),
            )
            for name in (*OUTPUTS, *MORE)
        ],
    )


async def model_ready(service: ServiceDep, model: str, version: str | None = None) -> protocol_schemas.InferenceModelReady:
    """Answer whether the model is in service."""
    service.ready()
    _serving(service, model, version)
    return protocol_schemas.InferenceModelReady(name=MODEL, ready=True)


async def infer(request: Request, service: ServiceDep, model: str, version: str | None = None) -> Response:
    """Classify the rows of BYTES tensors `title`, `description`, `brand` and `image` (base64), of shape [n] or [n, 1].

    An empty element is a field that the product lacks. `probabilities` and `categories`, their order, are answered if
    `outputs` names them. The binary extension is refused. An error is a problem that also has the member `error`.
    """
    _serving(service, model, version)
    _require_plain(request)
    body = await request.body()
    # Asked again: another champion may have come since the request began.
    only = None if version is None else _serving(service, model, version)
    read = partial(_read, service, body, request_id(request.scope))
    return Response(await answer(service, request.scope, len(body), read, only), media_type="application/json")


for _version, _suffix in (("", ""), ("/versions/{version}", "_version")):
    router.get(
        f"/models/{{model}}{_version}",
        operation_id=f"v2_model{_suffix}",
        summary="What the model takes and gives",
        response_model=None,
        responses={**answer_of("Its tensors.", "InferenceModel", _META), **problems(422, 503, shape="InferenceProblem")},
    )(metadata)
    router.get(
        f"/models/{{model}}{_version}/ready",
        operation_id=f"v2_model_ready{_suffix}",
        summary="Is the model in service",
        response_model=None,
        responses={**answer_of("It is.", "InferenceModelReady", _READY), **problems(422, 503, shape="InferenceProblem")},
    )(model_ready)
    router.post(
        f"/models/{{model}}{_version}/infer",
        operation_id=f"v2_infer{_suffix}",
        summary="Classify the rows of tensors",
        responses={
            **answer_of("One row for each.", "InferenceAnswer", _ANSWER),
            **problems(408, 415, 422, 503, shape="InferenceProblem"),
        },
        openapi_extra={"requestBody": _BODY, **REQUEST_KEY},
    )(infer)


def _serving(service: Service, model: str, version: str | None) -> Champion:
    found = service.champion() if version is None else service.version(version)
    if model != MODEL or found is None:
        raise ObjectNotFound(
            "There is no such model or version here.",
            hint=f"The model is {MODEL}, and version {' or '.join(_versions(service))} is in service.",
        )
    return found


def _versions(service: Service) -> list[str]:
    canary = service.canary.watch.champion if service.canary else None
    return [str(one.ref.version) for one in (service.champion(), canary) if one is not None]


def _read(service: Service, body: bytes, identity: str, champion: Champion) -> Asked:
    asked = read_inference(body, service.options)
    return Asked(asked.products, categories_told(asked, champion), partial(spell_inference, asked, champion), identity)


def _require_plain(request: Request) -> None:
    """Refuse the binary extension, which comes as a header; tritonclient sends plain JSON without any content type."""
    if "inference-header-content-length" in request.headers:
        raise UnsupportedContent(
            "Tensors in binary form are not read.", hint="Send `data` as JSON: with tritonclient, binary_data=False."
        )
    if request.headers.get("content-type") is not None or "content-encoding" in request.headers:
        require_json(request.headers)
