"""How a report of the battery is shown."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.intervals import Interval
from inference_battery.score import best_and_worst
from inference_battery.weights import COMPOSITE_VERSION, WEIGHTS
from orchestrator.battery.view import (
    NUM_SHOWN,
    WIDTH,
    Comparison,
    as_json,
    as_text,
    by_prompt,
)
from state.records import BatteryReport, ProbeScore, Sample

SCORES = st.floats(0, 1) | st.none()
SAMPLES = st.builds(
    Sample,
    prompt=st.text(max_size=200),
    temperature=st.sampled_from([0.4, 0.7, 1.0]),
    text=st.text(max_size=400),
    ended=st.booleans(),
    kind=st.sampled_from(["plain", "typos", "other topic"]),
    score=SCORES,
)


def sample(score: float, text: str = "Yes.", **changes: object) -> Sample:
    made = Sample(prompt="Who?", temperature=0.7, text=text, ended=True, score=score)
    return made.model_copy(update=changes)


def report(*samples: Sample, **changes: object) -> BatteryReport:
    fluency = ProbeScore(
        name="fluency", score=0.6, detail={"temperature_0.4": 0.5, "temperature_1": 0.7}
    )
    robustness = ProbeScore(name="robustness", score=0.25, detail={"temperature_0.4": 0.25})
    made = BatteryReport(
        phase="cambrian",
        generation=3,
        version=COMPOSITE_VERSION,
        composite=0.5,
        interval=(0.4, 0.625),
        probes=(fluency, robustness),
        samples=samples,
        tokens_per_sec=1234.5,
        asked="same",
        beside={"bits_per_byte": 1.25, "calibration_error": 0.03125},
    )
    return made.model_copy(update=changes)


def comparison(
    low: float,
    high: float,
    *,
    run: str = "runs/b",
    same_corpus: bool = True,
    same_tokenizer: bool = True,
) -> Comparison:
    fluency = ProbeScore(name="fluency", score=0.5)
    other = report(composite=0.375, probes=(fluency,))
    return Comparison(run, other, Interval(0.125, low, high), same_corpus, same_tokenizer)


def test_the_text_is_the_figures_and_then_the_samples() -> None:
    shown = as_text(report(sample(0.75, "A short text.", ended=False)))
    assert shown.splitlines() == [
        f"composite 0.500, 95 % interval 0.400 to 0.625 (1 sample, version {COMPOSITE_VERSION})",
        "",
        "probe                score  weight   at 0.4     at 1",
        f"fluency              0.600   {WEIGHTS['fluency']:.3f}    0.500    0.700",
        f"robustness           0.250   {WEIGHTS['robustness']:.3f}    0.250        -",
        "",
        "beside it",
        "  bits per byte      1.2500",
        "  calibration error  0.0312",
        "  tokens/s           1,234",
        "",
        "the best sample",
        "  0.750 at temperature 0.7, cut off",
        "    > Who?",
        "      A short text.",
    ]


def test_a_model_that_recites_is_told_so() -> None:
    recites = "recites its train text"
    assert recites in as_text(report(memorised=True)).splitlines()[1]
    assert recites not in as_text(report(memorised=False))


@given(st.lists(SAMPLES, max_size=8), st.text(max_size=200))
def test_no_line_is_too_wide_and_no_control_character_reaches_the_terminal(
    samples: list[Sample], name: str
) -> None:
    against = comparison(0.1, 0.2, run=name, same_corpus=False, same_tokenizer=False)
    shown = as_text(report(*samples), against)
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert not [one for one in shown if one != "\n" and unicodedata.category(one) == "Cc"]


@given(st.lists(SAMPLES, max_size=12))
def test_the_best_and_the_worst_are_ordinary_samples_and_never_the_same(
    samples: list[Sample],
) -> None:
    samples = [one.model_copy(update={"prompt": f"{index}"}) for index, one in enumerate(samples)]
    best, worst = best_and_worst(samples, NUM_SHOWN)
    plain = [one for one in samples if one.kind == "plain"]
    scores = sorted((one.score or 0.0 for one in plain), reverse=True)
    assert [one.score or 0.0 for one in best] == scores[:NUM_SHOWN]
    assert [one.score or 0.0 for one in worst] == scores[NUM_SHOWN:][-NUM_SHOWN:][::-1]
    shown = [one.prompt for one in (*best, *worst)]
    assert len(set(shown)) == len(shown)
    assert set(shown) <= {one.prompt for one in plain}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.2, "this run is better: difference +0.125, 95 % interval +0.010 to +0.200"),
        (-0.2, -0.01, "the other run is better: difference +0.125"),
        (-0.01, 0.2, "not shown to differ: difference +0.125, 95 % interval -0.010 to +0.200"),
        (0.0, 0.0, "not shown to differ: "),
    ],
)
def test_a_difference_is_one_where_its_interval_leaves_out_zero(
    low: float, high: float, verdict: str
) -> None:
    shown = as_text(report(), comparison(low, high))
    assert f"  {verdict}" in shown
    assert "compared with runs/b, composite 0.375\n" in shown
    assert "differ;" not in shown
    assert "tokenizers differ" not in shown


def test_too_few_prompts_say_nothing_of_a_difference() -> None:
    other = comparison(0, 0)._replace(difference=None)
    text = " ".join(as_text(report(), other).split())
    assert "nothing can be said of the difference: it takes 8 prompts" in text
    shown = json.loads(json.dumps(as_json(report(), other)))
    assert shown["compare"]["difference"] is None


def test_a_comparison_names_what_the_runs_do_not_share() -> None:
    shown = as_text(report(), comparison(0, 0, same_corpus=False))
    assert "the corpora differ; both are asked and judged by the text of this run" in shown
    assert "the tokenizers differ" not in shown
    assert "the tokenizers differ" in as_text(report(), comparison(0, 0, same_tokenizer=False))


def test_only_probes_that_both_have_are_compared() -> None:
    rows = as_text(report(), comparison(0, 0)).split("difference\n")[1].splitlines()
    assert rows == ["fluency              0.600   0.500      +0.100"]


def test_the_json_is_the_whole_report() -> None:
    one = sample(0.75)
    shown = json.loads(json.dumps(as_json(report(one, memorised=True))))
    assert shown == {
        "composite": 0.5,
        "interval": [0.4, 0.625],
        "version": COMPOSITE_VERSION,
        "memorised": True,
        "probes": {
            "fluency": {
                "score": 0.6,
                "weight": WEIGHTS["fluency"],
                "temperatures": {"0.4": 0.5, "1": 0.7},
            },
            "robustness": {
                "score": 0.25,
                "weight": WEIGHTS["robustness"],
                "temperatures": {"0.4": 0.25},
            },
        },
        "beside": {"bits_per_byte": 1.25, "calibration_error": 0.03125},
        "tokens_per_sec": 1234.5,
        "prompts": [{"prompt": "Who?", "kind": "plain", "score": 0.75}],
        "samples": [
            {
                "prompt": "Who?",
                "kind": "plain",
                "temperature": 0.7,
                "text": "Yes.",
                "ended": True,
                "score": 0.75,
            }
        ],
    }


def test_a_prompt_has_the_mean_score_of_what_was_written_to_it() -> None:
    samples = [sample(0.5), sample(0.25, kind="typos"), sample(1.0), sample(0.75, prompt="Why?")]
    assert by_prompt(samples) == [
        {"prompt": "Who?", "kind": "plain", "score": 0.75},
        {"prompt": "Who?", "kind": "typos", "score": 0.25},
        {"prompt": "Why?", "kind": "plain", "score": 0.75},
    ]


def test_the_json_of_a_comparison_says_how_far_and_whether_it_is_paired() -> None:
    against = comparison(0.01, 0.2, same_tokenizer=False)
    shown = json.loads(json.dumps(as_json(report(), against)))["compare"]
    assert shown["difference"] == {"mean": 0.125, "low": 0.01, "high": 0.2}
    assert shown["probes"] == pytest.approx({"fluency": 0.1})
    assert (shown["run"], shown["composite"], shown["paired"]) == ("runs/b", 0.375, True)
    assert (shown["same_corpus"], shown["same_tokenizer"]) == (True, False)
    other = against.report.model_copy(update={"asked": "another"})
    unpaired = json.loads(json.dumps(as_json(report(), against._replace(report=other))))
    assert unpaired["compare"]["paired"] is False
