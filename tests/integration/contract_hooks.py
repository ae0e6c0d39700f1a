"""What schemathesis has to be told: how to make what the document can only name."""

import base64
import json

import schemathesis
from hypothesis import strategies as st

from tests.unit.models.examples import WORDS, picture

IMAGES = [picture(code, seed) for code in WORDS for seed in range(3)]
LINES = [{"title": "Pompe de piscine"}, {"id": "A", "description": "roman"}, {"title": 3}, {}, "no product", None]

schemathesis.openapi.format("binary", st.sampled_from(IMAGES))
schemathesis.openapi.format("image-in-base64", st.sampled_from([base64.b64encode(image).decode() for image in IMAGES]))
schemathesis.openapi.format("category-code", st.sampled_from(["10", "2583", "3"]))
schemathesis.openapi.media_type(
    "application/x-ndjson",
    st.lists(st.sampled_from([json.dumps(line).encode() for line in LINES]) | st.binary(max_size=50), max_size=8).map(
        b"\n".join
    ),
)
