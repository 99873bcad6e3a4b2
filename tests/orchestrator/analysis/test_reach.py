"""Long range and needle through the whole path, for models of which the answer is known."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from orchestrator.analysis.diagnose.asking import needle, states
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.reach_view import long_range as shown_range
from orchestrator.analysis.diagnose.reach_view import needle as shown_needle
from orchestrator.analysis.diagnose.reach_view import states as shown_states
from orchestrator.analysis.diagnose.reading import gains, influence_points, long_range, read_context
from orchestrator.analysis.progress import Progress
from orchestrator.commits import Saved
from orchestrator.opened_model import OpenedModel
from orchestrator.run_state import Dormant
from state.genome import parse
from state.run_folder import RunFolder
from tests.hand_made_models import copier, forgetful, of_tails
from trainer.backbones.gpt import GPT
from trainer.config import DataConfig, ModelConfig, WorkerSetup
from trainer.data import Dataset, prepare
from trainer.demo_corpus import write_demo_corpus
from trainer.diagnostics.contexts import ContextReadings

BLOCK = 128


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Demo text in pieces of words."""
    root = tmp_path_factory.mktemp("bpe")
    write_demo_corpus(root / "demo.txt", 60_000)
    folder = RunFolder(root / "run")
    folder.create()
    paths = (str(root / "demo.txt"),)
    prepare(DataConfig(paths=paths, tokenizer="bpe", vocab_size=512), folder.data, BLOCK)
    return folder


def examined(folder: RunFolder, backbone: str, reach: int = 512) -> Examination:
    """An untrained model of that backbone."""
    dataset = Dataset(folder.data)
    config = ModelConfig.model_validate(
        {
            "dim": 32,
            "heads": 2,
            "layers": 1,
            "block": BLOCK,
            "vocab_size": dataset.manifest.vocab_size,
            "backbone": backbone,
        }
    )
    model = GPT(config, parse("gelu"))
    model.initialise(0)
    setup = WorkerSetup.model_validate({"run_folder": "-", "model": config, "optimizer": {}})
    nothing = cast(Saved, None), cast(Dormant, None)
    opened = OpenedModel(folder, *nothing, dataset, setup)
    return Examination(opened, model, False, Progress(), reach)


@pytest.mark.parametrize(
    ("backbone", "lengths", "reach"),
    [
        ("gpt", [128], "attention reads no more than the block of 128 tokens"),
        ("gf-mh", [128, 256, 512], "up to 512; --reach asks for up to 16,384"),
    ],
)
def test_a_copier_finds_every_needle_as_far_as_it_may_read(
    data: RunFolder, backbone: str, lengths: list[int], reach: str
) -> None:
    now = examined(data, backbone)
    now.__dict__["tail_of"] = of_tails(copier)
    found = needle(now)
    assert sorted({one.tokens for one in found.points}) == lengths
    assert {one.exact for one in found.points} == {1.0}
    assert {one.guessed for one in found.points} == {0.0}
    assert all(one.advantage.n >= 16 and one.advantage.interval for one in found.points)
    assert found.reach.endswith(reach)
    text = shown_needle(found)
    assert max(map(len, text)) <= 100
    assert sum(line.strip().startswith(f"{lengths[-1]} ") for line in text) == 5


def test_a_model_that_ignores_its_context_gains_and_recalls_nothing(data: RunFolder) -> None:
    now = examined(data, "gf-mh")
    now.__dict__["tail_of"] = of_tails(forgetful)
    now.__dict__["logits_of"] = forgetful
    assert not any(one.exact or one.advantage.value for one in needle(now).points)
    found = long_range(now, read_context(now))
    assert [one.tokens for one in found.points] == [8, 16, 32, 64, 128, 256, 512]
    for point in found.points:
        assert point.gain.value == 0
        assert point.loss.value == found.points[0].loss.value > 0
    assert found.share is not None
    assert found.beyond is not None
    assert (found.share.value, found.beyond.value) == (0, 0)
    assert "8 to 512 tokens save 0.0 %" in "\n".join(shown_range(found))
    moved = influence_points(now)
    assert [one.tokens for one in moved] == [8, 16, 32, 64, 128, 256, 512]
    assert not any(one.distance.value for one in moved)


def test_gains_are_differences_of_the_same_targets() -> None:
    nats = np.log(2) * np.array([[9.0] * 20, [4.0] * 20, [3.0] * 20, [2.0] * 20])
    read = ContextReadings((4, 8, 16, 32), nats, np.zeros(20, dtype=np.int64))
    found = gains(read, np.full(20, 2), 16, "as far as it goes")
    assert [one.gain.value for one in found.points] == pytest.approx([0, 0.5, 1.0])
    assert found.share is not None
    assert found.beyond is not None
    assert found.share.value == pytest.approx(0.5)
    assert found.beyond.value == pytest.approx(0.5)
    assert found.beyond.interval is not None
    assert found.beyond.interval.low == pytest.approx(0.5)
    whole = gains(read, np.full(20, 2), 32, "the block")
    assert whole.beyond is None
    assert shown_range(whole)[0].endswith("of the loss; the block")
    short = ContextReadings((1, 8), nats[:2], read.targets)
    assert "counts from 8 tokens on" in gains(short, np.full(20, 2), 8, "the block").skipped


def test_attention_is_asked_for_no_more_than_its_block(data: RunFolder) -> None:
    now = examined(data, "gpt")
    read = read_context(now)
    found = long_range(now, read)
    assert [one.tokens for one in found.points] == [8, 16, 32, 64, 128]
    assert found.points[-1].loss.n == len(read.targets)
    text = " ".join(shown_range(found))
    assert text.startswith("long-range gain: 8 to 128 tokens save ")
    assert text.endswith("attention reads no more than the block of 128 tokens")
    assert states(now).skipped == "attention keeps what it reads; it has no state"


def test_states_are_measured_beyond_the_block(data: RunFolder) -> None:
    found = states(examined(data, "hy", reach=600))
    lengths = [8, 16, 32, 64, 128, 256, 512, 600]
    assert [(one.component, one.tokens) for one in found.points] == [
        (component, length) for component in ("rwkv6", "mamba2") for length in lengths
    ]
    assert all(one.rms.value > 0 and one.rms.n == 16 for one in found.points)
    text = shown_states(found)
    assert max(map(len, text)) <= 100
    assert text[-1].split()[:2] == ["1", "mamba2"]
    assert len(text[-1].split()) == 2 + 4


def test_texts_that_memory_does_not_hold_end_the_table(data: RunFolder) -> None:
    now = examined(data, "mamba2")

    def narrow(texts: Tensor, count: int) -> Tensor:
        if texts.shape[1] > 200:
            raise MemoryError
        return torch.zeros(len(texts), count, 2000)

    now.__dict__["tail_of"] = narrow
    found = needle(now)
    assert max(one.tokens for one in found.points) == 128
    assert found.reach.endswith("tokens do not fit into memory")


def test_a_tokenizer_that_spells_is_no_test_of_recall(data: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    paths = (str(data.root.parent / "demo.txt"),)
    prepare(DataConfig(paths=paths, tokenizer="char"), folder.data, BLOCK)
    found = needle(examined(folder, "gpt"))
    assert found.skipped.startswith("the tokenizer is char: a name is spelt over ")
    assert found.points == ()
    assert "skipped, the tokenizer is char" in " ".join(shown_needle(found))


def test_a_block_without_room_is_the_reason(data: RunFolder) -> None:
    now = examined(data, "gpt")
    now.model.config = now.model.config.model_copy(update={"block": 16})
    assert "attention reads no more than the block of 16 tokens" in needle(now).skipped
