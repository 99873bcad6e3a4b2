"""A battery says how far it is, and finds what it finds when nobody looks."""

import pytest
from torch import Tensor

import state.progress
from inference_battery.battery import run_battery
from inference_battery.generation import MAX_BATCH, Sampling, answer
from inference_battery.generation import Request as Asked
from inference_battery.language_model import LanguageModel, TextCodec
from inference_battery.questions import Question
from inference_battery.reference import Reference
from inference_battery.score import PROBES
from state.progress import SILENT, Reporter
from tests.shown_progress import Shown

Model = LanguageModel[Tensor]

ASKED = (Question("The captain ", 0.5), Question("Nobody ", 1.0), Question("She opened ", 0.5))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Everything that is reported, however short it is."""
    monkeypatch.setattr(state.progress, "INTERVAL_SECONDS", 0.0)
    return Shown()


def sampling(max_new_tokens: int) -> Sampling:
    return Sampling(max_new_tokens=max_new_tokens, top_k=40, seed=7, end_of_text_id=0)


def test_a_battery_tells_its_prompts_and_then_its_properties(
    shown: Shown, random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    reports = [
        run_battery(
            random_model,
            codec,
            ASKED,
            prose,
            sampling(20),
            phase="cambrian",
            generation=4,
            progress=progress,
        ).model_copy(update={"tokens_per_sec": 0.0})
        for progress in (SILENT, Reporter(shown))
    ]
    assert reports[0] == reports[1]
    assert list(dict.fromkeys(one.what for one in shown.written)) == [
        "asking the model",
        "judging what it wrote",
    ]
    assert (shown.last("asking the model").total, len(ASKED)) == (3, 3)
    judged = shown.last("judging what it wrote")
    assert judged.done == judged.total == len(PROBES)


@pytest.mark.parametrize("count", [1, MAX_BATCH + 3])
def test_prompts_are_told_as_they_are_answered_over_all_batches(
    shown: Shown, random_model: Model, count: int
) -> None:
    requests = [Asked((3,) * (1 + n % 5), 1.0, n) for n in range(count)]
    answer(random_model, requests, sampling(30), Reporter(shown))
    done = [one.done for one in shown.written]
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] <= count
    assert {one.total for one in shown.written} == {count}
