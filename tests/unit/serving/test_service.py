from aisle.models.prediction import Prediction
from aisle.serving.service import Service
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import FakeChampions, make_app


def test_answers_are_counted_by_category_by_what_they_rest_on_and_by_why_a_person_should_look(
    champions: FakeChampions, telemetry: Telemetry
) -> None:
    service: Service = make_app(champions, telemetry).state.service
    service.count(
        [
            Prediction("1", "10", "Books", 0.9, (), ("text",)),
            Prediction("2", "10", "Books", 0.4, (), ("text", "image"), review="not confident"),
            Prediction("3", "50", "Games", 0.3, (), ("image",), review="not confident"),
            Prediction("4", "50", "Games", 0.1, (), (), review="nothing to go by"),
        ]
    )
    service.count([Prediction("5", "10", "Books", 0.9, (), ("text",))])
    service.count([])

    def sample(name: str, **labels: str) -> float | None:
        return telemetry.registry.get_sample_value(name, labels)

    assert [sample("aisle_products_total", code=code) for code in ("10", "50")] == [3, 2]
    by = [sample("aisle_modalities_total", modalities=name) for name in ("text", "image", "both", "none")]
    assert by == [2, 1, 1, 1]
    assert [sample("aisle_reviews_total", reason=why) for why in ("not confident", "nothing to go by")] == [2, 1]
    assert sample("aisle_confidence_count") == 5
