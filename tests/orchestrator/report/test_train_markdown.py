"""The story of a run of one model, and the command line in it."""

import shlex

import pytest

from orchestrator.config import RunConfig
from orchestrator.flags import settings_of
from orchestrator.grammar import build_parser
from orchestrator.report.final_report import FinalReport, RunReport, Score, SlownessSummary
from orchestrator.report.train_build import command_of
from orchestrator.report.train_markdown import headline, markdown
from orchestrator.report.train_report import Measured, Spoken, TrainReport
from orchestrator.slowness.throughput import Collapse
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES
from orchestrator.train_settings import build_train_config
from state.records import Adjustment, Decision, Finding, Sample


def measured(count: int) -> tuple[Measured, ...]:
    return tuple(
        Measured(step=100 * number, bits_per_byte=3 - number / 100, train_loss=2.0)
        for number in range(1, count + 1)
    )


@pytest.fixture
def one_model(report: FinalReport) -> TrainReport:
    common = {name: getattr(report, name) for name in RunReport.model_fields}
    return TrainReport(
        **common,
        activation="glu(silu(x))",
        activation_name="swiglu",
        parameters=report.model.parameters,
        steps=4000,
        skipped_steps=3,
        tokens=3_072_000,
        seconds=310.0,
        tokens_per_sec=30_000.0,
        best_step=3800,
        last=Score(bits_per_byte=2.09, nats_per_token=3.1, tokens=18_100),
        course=measured(40),
        samples=(
            Spoken(
                step=4000,
                sample=Sample(prompt="ROMEO:", temperature=0.8, text="# O ```", ended=False),
            ),
        ),
        config={},
    )


def test_the_headline_is_of_the_test_split_where_there_is_one(one_model: TrainReport) -> None:
    assert "**2.1000 bits per byte on the test split**" in headline(one_model)
    assert "opened once" in headline(one_model)
    without = one_model.model_copy(update={"test": None, "test_openings": 0})
    assert "**2.0800 bits per byte on the search split**" in headline(without)
    assert "(3.1800 nats per token over 18.1 k tokens)" in headline(without)


def test_the_story_is_short_and_names_best_and_last(one_model: TrainReport) -> None:
    text = markdown(one_model)
    rows = [line for line in text.splitlines() if line.startswith("| 4,000") or "2.6000" in line]
    assert rows, "the last evaluation is in the table"
    course = text.split("## How it went")[1].split("## What was seen")[0]
    assert course.count("\n| ") <= 14
    assert "The best checkpoint, step 3,800, has 2.0800 on the search split" in text
    assert "the last one 2.0900" in text
    assert "`glu(silu(x))` (swiglu)" in text
    assert "Nothing that a detector knows." in text


def test_text_from_the_model_is_shown_and_not_obeyed(one_model: TrainReport) -> None:
    assert "````text\n# O ```\n````" in markdown(one_model)


def test_decisions_and_findings_are_told(one_model: TrainReport) -> None:
    change = Adjustment(setting="lr_scale", before=1.0, after=0.5)
    decided = Decision(
        phase="training", generation=3, kind="adapt", reason="9 of 20", adjustments=(change,)
    )
    found = Finding(detector="host_overfitting", severity=0.4, reason="it rises", value=1, limit=0)
    update = {"decisions": (decided,), "findings": (found, found), "samples": ()}
    text = markdown(one_model.model_copy(update=update))
    assert "**adapt**, 9 of 20 (`lr_scale` 1 to 0.5)" in text
    assert text.count("host overfitting") == 1
    assert "No sample was asked for." in text


def test_a_run_that_was_slow_says_so(one_model: TrainReport) -> None:
    collapse = Collapse(
        phase="training",
        generation=9,
        tokens_per_sec=2600,
        usual_tokens_per_sec=7000,
        alarmed=1,
        members=1,
    )
    slow = one_model.model_copy(update={"slowness": SlownessSummary(collapses=(collapse,))})
    assert "- Throughput collapsed: 2,600 tokens/s, where 7,000 were usual." in markdown(slow)
    assert "collapsed" not in markdown(one_model)


def parsed(command: str) -> RunConfig:
    """The configuration that a command line makes."""
    words = shlex.split(command)
    assert words[:2] == ["symbio-auto", "train"]
    given = settings_of(build_parser().parse_args(words[1:]), TRAIN_FLAGS, TRAIN_SWITCHES)
    return build_train_config(given, environment={}).config


@pytest.mark.parametrize(
    "words",
    [
        "--iters 300",
        "--symbio --seed 3",
        "--symbio --grad-clip 1.0 --spike-threshold 0",
        "--preset original --dropout 0.2",
        "--domain chat --split auto --tokenizer byte",
        "--split contiguous:0.9,0.1,0 --recipe classic --dim 128 --heads 4 --layers 4",
        "--activation 'silu(x)*x + 0.5*relu(x)' --eval-interval 7 --sample-interval 0",
    ],
)
def test_the_command_gives_the_configuration_that_it_was_made_of(words: str) -> None:
    config = parsed(f"symbio-auto train --data 'a text.txt' {words}")
    assert parsed(command_of(config)) == config
