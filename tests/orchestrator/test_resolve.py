"""What is filled in when the user leaves it open."""

from pathlib import Path

import pytest

from orchestrator.config import RunConfig
from orchestrator.passes import MANY_STEPS
from orchestrator.resolve import resolve_data, resolve_shape
from orchestrator.settings import Settings, build_config
from orchestrator.sizing import choose_size
from orchestrator.train_settings import build_train_config
from state.genome import parse
from trainer.config import DataConfig
from trainer.data import prepare
from trainer.demo_corpus import write_demo_corpus
from trainer.manifest import DatasetManifest
from trainer.widths import inner_width


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> DatasetManifest:
    folder = tmp_path_factory.mktemp("resolve")
    write_demo_corpus(folder / "demo.txt", 60_000)
    return prepare(DataConfig(paths=(str(folder / "demo.txt"),)), folder / "data", 32)


def resolved(manifest: DatasetManifest, **settings: object) -> RunConfig:
    config = build_config({"engine": {"device": "cpu"}, **settings}, environment={})  # type: ignore[dict-item]
    return resolve_data(resolve_shape(config, manifest.num_bytes).config, manifest)


def test_a_text_that_is_seen_often_gets_dropout_and_one_seen_a_few_times_none(
    manifest: DatasetManifest,
) -> None:
    small = {"block": 32}
    few = resolved(manifest, budget=60, model=small)
    many = resolved(manifest, budget=20_000, model=small)
    assert dropouts(few) == (0.0, 0.0, 0.0)
    assert dropouts(many) == (0.1, 0.1, 0.1)


def dropouts(config: RunConfig) -> tuple[float | None, ...]:
    """Of a lineage and a taught host, of a host that nobody teaches, of a control."""
    return config.model.dropout, config.host.untaught_dropout, config.host.control_dropout


@pytest.mark.parametrize(
    ("passes", "expected"), [(22, (0.0, 0.0, 0.1)), (65, (0.0, 0.1, 0.1)), (110, (0.1, 0.1, 0.1))]
)
def test_who_reads_the_text_longer_needs_dropout_earlier(
    manifest: DatasetManifest, passes: int, expected: tuple[float, ...]
) -> None:
    tokens = manifest.splits["train"].tokens
    budget = int(passes * tokens / (16 * 32))
    assert dropouts(resolved(manifest, budget=budget, model={"block": 32})) == expected


@pytest.mark.parametrize(("shift", "untaught"), [(True, 0.1), (False, 0.0)])
def test_a_host_that_gets_the_steps_of_its_lineages_needs_dropout_earlier(
    manifest: DatasetManifest, shift: bool, untaught: float
) -> None:
    budget = int(25 * manifest.splits["train"].tokens / (16 * 32))
    changed = {"evolution": {"shift_shares": shift}, "model": {"block": 32}}
    assert budget < MANY_STEPS
    assert dropouts(resolved(manifest, budget=budget, **changed)) == (0.0, untaught, 0.1)


def test_a_single_model_has_what_its_own_length_asks_for(manifest: DatasetManifest) -> None:
    tokens = manifest.splits["train"].tokens
    budget = int(25 * tokens / (16 * 32))
    config = build_train_config(
        {"engine": {"device": "cpu"}, "budget": budget, "model": {"block": 32}}, environment={}
    )[0]
    shaped = resolve_shape(config, manifest.num_bytes).config
    assert resolve_data(shaped, manifest).model.dropout == 0.1


def test_a_given_dropout_is_kept_for_all(manifest: DatasetManifest) -> None:
    config = resolved(manifest, budget=20_000, model={"block": 32, "dropout": 0.3})
    assert dropouts(config) == (0.3, 0.3, 0.3)


def test_nothing_stays_open(manifest: DatasetManifest) -> None:
    config = resolved(manifest, model={"block": 32})
    assert config.engine.workers is not None
    assert config.engine.host_threads is not None
    assert config.optimizer.warmup is not None
    assert config.data.domain == "chat"
    assert config.model.vocab_size == manifest.vocab_size


def test_short_lineages_begin_with_gelu_and_long_ones_with_swiglu_but_the_first() -> None:
    asked: list[Settings] = [
        {"budget": 9999},
        {"budget": 10_000},
        {"budget": 10_000, "evolution": {"activation": "gelu"}},
        {"budget": 10_000, "preset": "original"},
    ]
    short, long, chosen, original = (
        resolve_shape(build_config(flags), 1000).config.evolution for flags in asked
    )
    assert short.activation == chosen.activation == original.activation == ("gelu",)
    assert [long.first_activation(lineage) for lineage in range(3)] == ["gelu", "swiglu", "swiglu"]


def test_muon_follows_a_given_learning_rate(manifest: DatasetManifest) -> None:
    default = resolved(manifest, model={"block": 32}).optimizer
    halved = resolved(manifest, model={"block": 32}, optimizer={"lr": default.lr / 2}).optimizer
    assert halved.muon_lr == pytest.approx(default.muon_lr / 2)


@pytest.mark.parametrize(
    ("num_bytes", "device", "name"),
    [
        (50_000, "cuda", "tiny"),
        (543_152, "cpu", "tiny"),
        (2_100_019, "cpu", "small"),
        (543_152, "cuda", "medium"),
        (10**9, "cuda", "large"),
    ],
)
def test_auto_picks_by_device_and_corpus_and_says_why(
    num_bytes: int, device: str, name: str
) -> None:
    choice = choose_size("auto", device=device, corpus_bytes=num_bytes)
    assert choice.name == name
    assert "MB of text" in choice.reason


def test_aliases_name_sizes() -> None:
    assert choose_size("5M", device="cpu", corpus_bytes=1).name == "small"
    with pytest.raises(ValueError, match="--model giant is unknown; choose one of auto, tiny"):
        choose_size("giant", device="cpu", corpus_bytes=1)


def test_a_missing_corpus_is_refused_before_anything_else(tmp_path: Path) -> None:
    from orchestrator.resolve import corpus_bytes

    with pytest.raises(ValueError, match="does not exist; give --data"):
        corpus_bytes((str(tmp_path / "absent.txt"),))


def alone(manifest: DatasetManifest, **settings: object) -> RunConfig:
    given = {"engine": {"device": "cpu"}, "model": {"block": 32}, **settings}
    config = RunConfig.model_validate({"mode": "train", **given})
    return resolve_data(resolve_shape(config, manifest.num_bytes).config, manifest)


def test_a_model_that_trains_alone_warms_up_over_a_twentieth_of_its_steps(
    manifest: DatasetManifest,
) -> None:
    assert alone(manifest, budget=2000).optimizer.warmup == 100
    assert alone(manifest, budget=50_000).optimizer.warmup == 500
    assert resolved(manifest, budget=2000, model={"block": 32}).optimizer.warmup == 50


@pytest.mark.parametrize(
    ("budget", "intervals"), [(20, (2, 5)), (1000, (100, 250)), (2000, (200, 300))]
)
def test_short_runs_are_measured_and_speak_more_often(
    manifest: DatasetManifest, budget: int, intervals: tuple[int, int]
) -> None:
    train = alone(manifest, budget=budget).train
    assert (train.eval_interval, train.sample_interval) == intervals
    kept = alone(manifest, budget=budget, train={"eval_interval": 7, "sample_interval": 0}).train
    assert (kept.eval_interval, kept.sample_interval) == (7, 0)


def test_the_classic_recipe_has_a_rate_of_its_own_unless_one_is_given(
    manifest: DatasetManifest,
) -> None:
    classic = {"block": 32, "recipe": "classic"}
    assert alone(manifest, model=classic).optimizer.lr == 1e-3
    assert alone(manifest, model=classic, optimizer={"lr": 0.002}).optimizer.lr == 0.002
    assert alone(manifest).optimizer.lr == RunConfig().optimizer.lr


@pytest.mark.parametrize(("activation", "width"), [("gelu", 300), ("swiglu", 704), ("relu2", 66)])
def test_the_feed_forward_is_as_wide_as_asked_with_and_without_a_gate(
    manifest: DatasetManifest, activation: str, width: int
) -> None:
    train = {"activation": activation, "ffn_dim": width}
    config = alone(manifest, train=train, model={"block": 32, "dim": 256})
    assert inner_width(config.model, parse(activation)) == width


def test_a_width_that_no_gated_layer_has_is_refused_with_the_nearest(
    manifest: DatasetManifest,
) -> None:
    with pytest.raises(ValueError, match=r"--ffn-dim 702 .* multiples of 8; give 704"):
        alone(manifest, train={"activation": "swiglu", "ffn_dim": 702}, model={"dim": 256})
