"""A whole run of seconds: real training on the smallest shapes, six phases or one model."""

import shutil
from pathlib import Path
from typing import Literal, NamedTuple, assert_never

from orchestrator.battery_config import BatteryConfig
from orchestrator.config import EngineConfig, HostConfig, RunConfig
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.kill_test import forked
from orchestrator.kill_test.moments import stopping
from orchestrator.train_config import ChallengeConfig, TrainConfig
from state.base import Record
from state.run_folder import RunFolder
from trainer.config import DataConfig, ModelConfig, OptimizerConfig
from trainer.demo_corpus import write_demo_corpus
from trainer.instruments.config import SymbioConfig

Mode = Literal["phases", "train"]
"""The six phases, or `symbio-auto train --symbio`."""

CORPUS_CHARS = 20_000


class Scratch(NamedTuple):
    """A folder for corpus, runs and what the children say."""

    root: Path

    @property
    def corpus(self) -> Path:
        """The text that every run learns."""
        return self.root / "corpus.txt"

    @property
    def log(self) -> Path:
        """What the children print."""
        return self.root / "children.txt"

    def run(self, name: str) -> RunFolder:
        """One of the runs."""
        return RunFolder(self.root / name)


def small_config(scratch: Scratch, name: str, budget: int, mode: Mode = "phases") -> RunConfig:
    """Dropout, a battery, and all that the mode has, in milliseconds a step."""
    config = RunConfig(
        mode=mode,
        budget=budget,
        run_dir=str(scratch.run(name).root),
        data=DataConfig(
            paths=(str(scratch.corpus),), tokenizer="byte", search_bytes=1000, test_bytes=1000
        ),
        model=ModelConfig(dim=8, heads=2, layers=1, block=32, dropout=0.1),
        optimizer=OptimizerConfig(batch=8),
        battery=BatteryConfig(prompts=1, temperatures=(0.8,), max_new_tokens=8),
        engine=EngineConfig(engine="inline", device="cpu", workers=2, host_threads=1),
    )
    return config.model_copy(update=_of_the_mode(mode))


def _of_the_mode(mode: Mode) -> dict[str, Record]:
    """Morphs, two lineages and a search in three phases; or every instrument, charts that soon
    change the batch, and a window with challengers.
    """
    match mode:
        case "phases":
            evolution = EvolutionConfig(
                lineages=2, min_population=3, min_steps_per_candidate=3, shift_shares=False
            )
            return {"evolution": evolution, "host": HostConfig(chunks_per_phase=2)}
        case "train":
            symbio = SymbioConfig(
                cusum_threshold=0.2,
                cusum_drift=0.0,
                metrics_interval=3,
                batch_min=4,
                batch_max=12,
                batch_step=2,
                track_mi_profiles=True,
            )
            train = TrainConfig(
                activation="swiglu",
                eval_interval=10,
                sample_interval=20,
                symbio=symbio,
                challenge=ChallengeConfig(interval=60, steps=12, challengers=2),
            )
            return {"train": train, "optimizer": OptimizerConfig(batch=8, grad_clip=0.5)}
        case _:
            assert_never(mode)


def begin(
    scratch: Scratch, name: str, *, budget: int, generation: int, mode: Mode = "phases"
) -> RunFolder:
    """Start a run, in place of what was there, and stop it with its first commit at `generation`;
    0 has trained nothing.

    Raises:
        RuntimeError: it did not stop there.
    """
    scratch.root.mkdir(parents=True, exist_ok=True)
    if not scratch.corpus.exists():
        write_demo_corpus(scratch.corpus, CORPUS_CHARS)
    shutil.rmtree(scratch.run(name).root, ignore_errors=True)
    config = small_config(scratch, name, budget, mode)
    file = scratch.root / f"{name}.json"
    file.write_text(config.model_dump_json(exclude_unset=True), encoding="utf-8")
    verb = ["train"] if mode == "train" else []
    work = forked.command([*verb, "--config", str(file), "--plain"], stopping(generation))
    expect(forked.wait(forked.start(work, scratch.log)), forked.CLEAN_STOP, scratch)
    return scratch.run(name)


def copied(base: RunFolder, folder: RunFolder) -> RunFolder:
    """A copy of a run that nobody is writing, in place of what was there."""
    shutil.rmtree(folder.root, ignore_errors=True)
    shutil.copytree(base.root, folder.root)
    return folder


def expect(ended: forked.Ended, exit_code: int, scratch: Scratch) -> None:
    """Check how a child ended.

    Raises:
        RuntimeError: in another way; the last lines that children printed are in the message.
    """
    if ended.exit_code == exit_code:
        return
    how = f"code {ended.exit_code}" if ended.signal is None else f"signal {ended.signal}"
    last = scratch.log.read_text(encoding="utf-8").splitlines()[-5:]
    raise RuntimeError(f"a run ended with {how}, not {exit_code}: " + " | ".join(last))
