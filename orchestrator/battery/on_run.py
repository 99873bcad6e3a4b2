"""The inference battery on a run's models: its prompts, its reference text, its settings."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from inference_battery.prompts import as_prompt, choose_prompts
from inference_battery.questions import Question, questions
from inference_battery.reference import MAX_CHARACTERS, Reference
from state.progress import SILENT, Reporter
from state.records import BatteryReport, PhaseName
from trainer.config import WorkerSetup
from trainer.excerpt import excerpt

if TYPE_CHECKING:
    from inference_battery.generation import Sampling
    from trainer.backbones.gpt import GPT
    from trainer.data import Dataset
    from trainer.tokenizer import Tokenizer

CALIBRATION_TOKENS = 65_536
"""Most held-out tokens that the calibration error is taken from."""


def try_model(
    model: "GPT",
    dataset: "Dataset",
    setup: WorkerSetup,
    asked: Sequence[Question],
    *,
    seed: int,
    phase: PhaseName,
    generation: int,
    progress: Reporter = SILENT,
) -> BatteryReport:
    """Let the model answer, and judge it by the run's own text."""
    from inference_battery.battery import run_battery

    codec = dataset.tokenizer
    return run_battery(
        model,
        codec,
        asked,
        reference_of(dataset),
        sampling_of(codec, setup.battery_tokens, seed, setup.device),
        phase=phase,
        generation=generation,
        held_out_tokens=dataset.tokens("search")[:CALIBRATION_TOKENS],
        progress=progress,
    )


def sampling_of(codec: "Tokenizer", max_new_tokens: int, seed: int, device: str) -> "Sampling":
    """How every model is sampled; in chat the next speaker's marker ends an answer."""
    from inference_battery.battery import TOP_K
    from inference_battery.generation import Sampling

    return Sampling(
        max_new_tokens=max_new_tokens,
        top_k=TOP_K,
        seed=seed,
        end_of_text_id=codec.end_of_text_id,
        banned_ids=tuple(unwritten_ids(codec)),
        stop_ids=(codec.control_ids["user"],),
        device=device,
    )


def run_questions(
    dataset: "Dataset", setup: WorkerSetup, *, whole: bool, prompts: Sequence[str] = ()
) -> list[Question]:
    """What a run's models are asked; `whole` asks every prompt at every temperature.

    `prompts` are used in place of the run's own. A line that a user wrote becomes a prompt of the
    domain.
    """
    domain = dataset.manifest.domain
    given = prompts or setup.battery_questions
    chosen = tuple(dict.fromkeys(as_prompt(line, domain) for line in given))
    if not chosen:
        held_out = dataset.documents("search")
        chosen = choose_prompts(held_out, domain, setup.battery_prompts, setup.seed)
    return questions(chosen, setup.battery_temperatures, domain, every_pair=whole, seed=setup.seed)


def reference_of(dataset: "Dataset") -> Reference:
    """The run's text, read and fitted once a process."""
    return _reference(dataset.folder, dataset.manifest.inputs_sha256)


@lru_cache(maxsize=2)
def _reference(folder: Path, inputs_sha256: str) -> Reference:
    """Of the data with this digest: a folder may be prepared anew."""
    from trainer.data import Dataset

    dataset = Dataset(folder)
    assert dataset.manifest.inputs_sha256 == inputs_sha256
    train = excerpt(folder / "train.txt", MAX_CHARACTERS)
    return Reference(train, dataset.documents("search"), dataset.manifest.domain)


def unwritten_ids(tokenizer: "Tokenizer") -> list[int]:
    """Control tokens that no text contains, so that no sample may."""
    return [tokenizer.control_ids[name] for name in ("pad", "bos", "eos")]
