"""A whole run of seconds: six phases of real training on the smallest shapes."""

import shutil
from pathlib import Path
from typing import NamedTuple

from orchestrator.config import (
    BatteryConfig,
    EngineConfig,
    EvolutionConfig,
    HostConfig,
    RunConfig,
)
from orchestrator.kill_test import forked
from orchestrator.kill_test.moments import stopping
from state.run_folder import RunFolder
from trainer.config import DataConfig, ModelConfig, OptimizerConfig
from trainer.demo_corpus import write_demo_corpus

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


def small_config(scratch: Scratch, name: str, budget: int) -> RunConfig:
    """Dropout, morphs, two lineages and a battery, in milliseconds a step."""
    return RunConfig(
        budget=budget,
        run_dir=str(scratch.run(name).root),
        data=DataConfig(
            paths=(str(scratch.corpus),), tokenizer="byte", search_bytes=1000, test_bytes=1000
        ),
        model=ModelConfig(dim=8, heads=2, layers=1, block=32, dropout=0.1),
        optimizer=OptimizerConfig(batch=8),
        evolution=EvolutionConfig(lineages=2, min_population=3, min_steps_per_candidate=3),
        host=HostConfig(chunks_per_phase=2),
        battery=BatteryConfig(prompts=1, temperatures=(0.8,), max_new_tokens=8),
        engine=EngineConfig(engine="inline", device="cpu", workers=2, host_threads=1),
    )


def begin(scratch: Scratch, name: str, *, budget: int, generation: int) -> RunFolder:
    """Start a run, in place of what was there, and stop it with its first commit at `generation`;
    0 has trained nothing.

    Raises:
        RuntimeError: it did not stop there.
    """
    scratch.root.mkdir(parents=True, exist_ok=True)
    if not scratch.corpus.exists():
        write_demo_corpus(scratch.corpus, CORPUS_CHARS)
    shutil.rmtree(scratch.run(name).root, ignore_errors=True)
    config = small_config(scratch, name, budget)
    file = scratch.root / f"{name}.json"
    file.write_text(config.model_dump_json(exclude_unset=True), encoding="utf-8")
    work = forked.command(["--config", str(file), "--plain"], stopping(generation))
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
