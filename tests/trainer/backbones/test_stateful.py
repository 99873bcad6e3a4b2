"""States handed from one window to the next."""

from pathlib import Path

import numpy as np
import pytest
import torch

from state.results import TrainingResult
from state.tasks import BatchKey, LearningRateSpan, TrainingTask
from tests.task_builders import make_training_task
from tests.trainer.backbones.builders import made, shape, tokens
from tests.trainer_runs import comparable, cut_off, with_its_own_run
from trainer.backbones.gpt import END_OF_TEXT, beginnings
from trainer.backbones.names import Backbone
from trainer.config import ModelConfig, WorkerSetup
from trainer.data import IGNORED, Dataset
from trainer.evaluation import evaluate, evaluation_mode, tracks_of
from trainer.execution import TaskExecutor
from trainer.member import Member
from trainer.target_nats import target_nats
from trainer.tracks import held_out_tracks, track_starts, windows_at
from trainer.training import Chunk

KEY = BatchKey(seed=3, lineage=0, generation=2, purpose="search")


def stateful(dataset: Dataset, backbone: Backbone = "gf") -> ModelConfig:
    return shape(backbone, stateful=True, vocab_size=dataset.manifest.vocab_size)


def task(steps: int = 7) -> TrainingTask:
    return make_training_task(
        "gelu",
        generation=2,
        init_seed=11,
        steps=steps,
        batches=KEY,
        learning_rate=LearningRateSpan(first=1.0, last=0.3, warmup_steps=3),
    )


def test_attention_has_no_states_to_hand_on() -> None:
    for changes in ({"backbone": "gpt"}, {"backbone": "gf", "attention_every": 2}):
        with pytest.raises(ValueError, match="attention has none; give a recurrent --backbone"):
            ModelConfig.model_validate({**changes, "stateful": True})


def test_each_step_goes_on_where_the_last_one_ended(dataset: Dataset) -> None:
    block, batch = 16, 5
    stream = np.asarray(dataset.tokens("train"))
    windows = (len(stream) - 1) // block
    for step in range(40, 40 + windows + 3):
        now = track_starts(dataset, KEY, 40, step, batch, block)
        then = track_starts(dataset, KEY, 40, step + 1, batch, block)
        assert np.array_equal(then, (now + block) % (windows * block))
        inputs, targets = windows_at(dataset, now, block)
        assert np.array_equal(inputs[:, 1:], targets[:, :-1])
        assert np.array_equal(inputs[0], stream[now[0] : now[0] + block])
    apart = np.diff(np.sort(track_starts(dataset, KEY, 40, 40, batch, block)))
    assert apart.min() >= (windows // batch - 1) * block
    assert not np.array_equal(
        track_starts(dataset, KEY, 40, 40, batch, block),
        track_starts(dataset, KEY, 41, 41, batch, block),
    )


@pytest.mark.parametrize("learned", [False, True])
def test_windows_in_which_no_document_begins_are_read_by_the_code_of_plain_windows(
    learned: bool,
) -> None:
    model = made(shape("gf", stateful=True, learned_state=learned))
    x, none = tokens(3, 16), torch.zeros(3, 16, dtype=torch.bool)
    x[x == END_OF_TEXT] = END_OF_TEXT + 1
    assert beginnings(x) is None
    assert torch.allclose(model(x), model.logits(model.read(x, None, none)), atol=1e-5)
    x[1, 7] = END_OF_TEXT
    begins = beginnings(x)
    assert begins is not None
    assert begins.nonzero().tolist() == [[1, 7]]
    assert torch.equal(model(x), model.logits(model.read(x, None, begins)))


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_tracks_hold_every_target_once(dataset: Dataset, batch: int) -> None:
    stream = np.asarray(dataset.tokens("search")).astype(int)
    found = np.full(dataset.num_windows("search", 16) * 16, IGNORED)
    num_bytes = 0
    for one in held_out_tracks(dataset, "search", 16, batch):
        for number, targets in zip(one.numbers, one.targets, strict=True):
            if number * 16 < len(found):
                found[number * 16 : (number + 1) * 16] = targets
            else:
                assert (targets == IGNORED).all()
        num_bytes += int(one.num_bytes.sum())
    assert np.array_equal(found[found != IGNORED], stream[1:])
    assert num_bytes == dataset.manifest.splits["search"].num_bytes


def test_what_a_device_takes_at_a_time_is_not_in_the_figure(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many tracks as windows would hand on no state at all."""
    model, windows = made(stateful(dataset)), dataset.num_windows("search", 16)
    assert 1 <= tracks_of(dataset, "search", 16) <= windows // 8
    found = evaluate(model, dataset, "search")
    monkeypatch.setattr("trainer.evaluation.windows_at_a_time", lambda _: windows)
    assert evaluate(model, dataset, "search") == found


def test_one_track_is_the_text_read_in_one_go(dataset: Dataset) -> None:
    model = made(stateful(dataset))
    stream = torch.from_numpy(np.asarray(dataset.tokens("search")).astype(np.int64))[None]
    with evaluation_mode([model]):
        nats = target_nats(model, model.read(stream[:, :-1], None), stream[:, 1:])
    found = evaluate(model, dataset, "search", batch=1)
    assert found.nats == pytest.approx(float(nats.double().sum()), rel=1e-5)
    assert found.tokens == stream.shape[1] - 1
    assert found.num_bytes == dataset.manifest.splits["search"].num_bytes


@pytest.mark.parametrize("backbone", ["gf", "rwkv6"])
def test_a_task_that_was_cut_off_goes_on_with_its_states(
    backbone: Backbone, setup: WorkerSetup, dataset: Dataset, tmp_path: Path
) -> None:
    model = stateful(dataset, backbone)
    whole, cut = (
        with_its_own_run(setup, tmp_path / name).model_copy(
            update={"model": model, "snapshot_steps": 1, "snapshot_seconds": 0}
        )
        for name in ("whole", "cut")
    )
    asked = task()
    expected = TaskExecutor(whole).execute(asked)
    cut_off(cut, asked, 4)
    executor = TaskExecutor(cut)
    found = executor.execute(asked)
    assert comparable(found) == comparable(expected)
    assert isinstance(found.result, TrainingResult)
    assert found.result.checkpoint is not None
    assert not executor.recent.get(found.result.checkpoint, asked.genome).states


def test_states_change_what_is_learnt_and_stop_gradients(
    setup: WorkerSetup, dataset: Dataset, tmp_path: Path
) -> None:
    own = with_its_own_run(setup, tmp_path / "run")
    losses = []
    for handed_on in (True, False):
        model = stateful(dataset).model_copy(update={"stateful": handed_on})
        member = Member.create(own.model_copy(update={"model": model}), task().genome, 11)
        chunk = Chunk(task(), member, dataset)
        chunk.run(lambda one: states_are_leaves(one.member))
        losses.append([row.loss for row in chunk.rows])
        assert member.past is None
    assert losses[0] != losses[1]


def states_are_leaves(member: Member) -> None:
    if member.past is not None:
        assert all(not one.requires_grad for one in member.past.states().values())
