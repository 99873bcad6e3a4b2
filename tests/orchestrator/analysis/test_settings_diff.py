"""Settings by dotted names."""

from orchestrator.analysis.compare.settings_diff import (
    Difference,
    differences,
    equal_but_for_the_seed,
    flattened,
)
from orchestrator.phases import phases_of
from tests.builders import make_config


def test_tables_go_down_and_phases_by_their_names() -> None:
    config = make_config()
    found = flattened(
        config.model_copy(update={"phases": phases_of(config)}).model_dump(mode="json")
    )
    assert found["model.dim"] == 64
    assert found["phases.cambrian.name"] == "cambrian"
    assert found["data.paths"] == ["data/historic.txt"]
    assert flattened({"a": {}, "b": []}) == {"a": {}, "b": []}


def test_only_what_differs_is_listed_in_the_order_of_the_configuration() -> None:
    one = flattened(make_config(budget=100, seed=1).model_dump(mode="json"))
    other = flattened(make_config(budget=200, model={"dim": 32}).model_dump(mode="json"))
    assert differences([one, other]) == [
        Difference("budget", (100, 200)),
        Difference("seed", (1, 0)),
        Difference("model.dim", (64, 32)),
    ]
    assert [one.path for one in differences([one, other], of_the_result=True)] == [
        "budget",
        "model.dim",
    ]
    assert differences([one, one]) == []


def test_a_table_that_a_run_lacks_is_one_difference() -> None:
    one, other = {"train.symbio": None, "a": 1}, {"train.symbio.x": 1, "train.symbio.y": 2, "a": 1}
    assert differences([one, other]) == [Difference("train.symbio", (None, "(2 settings)"))]


def test_seed_and_place_do_not_make_other_settings() -> None:
    one = flattened(make_config(seed=1, run_dir="a", control=["gelu"]).model_dump(mode="json"))
    other = flattened(make_config(seed=2, run_dir="b").model_dump(mode="json"))
    assert equal_but_for_the_seed(one, other)
    third = flattened(make_config(seed=1, optimizer={"lr": 0.1}).model_dump(mode="json"))
    assert not equal_but_for_the_seed(one, third)
