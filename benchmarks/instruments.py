"""Are the sparse measures right, and what does all that `--symbio` measures cost?

    python -m benchmarks.instruments

Accuracy: benchmarks/instruments_accuracy.py. Cost: CPU time of each measure beside that of a
training step without any, one thread, taken in turn and compared by medians. At the default
interval a sparse measure is paid once in fifty steps, a chart and a norm at every step. Norms by
component replace the global norm, so they cost what they take beyond it.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable

import torch
from pydantic import JsonValue
from torch import Tensor

from benchmarks.instruments_accuracy import information_table, rank_table
from benchmarks.recording import write_result
from orchestrator.sizing import SIZES
from state.genome import parse
from state.seeds import derive_seed, generator
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_panel import Panel, Signals
from trainer.instruments.effective_rank import mean_effective_rank
from trainer.instruments.free_energy import free_energy
from trainer.instruments.gradient_norms import gradient_norms
from trainer.instruments.mutual_information import mean_information
from trainer.instruments.weight_entropy import weight_entropy
from trainer.member import Batch, Member, StepSettings

INTERVAL = SymbioConfig().metrics_interval
VOCABULARY = 1024
ACTIVATION = "swiglu"
ROUNDS = {"tiny": 100, "small": 40}

SPARSE = ("weight_entropy", "effective_rank", "free_energy")
OFF_BY_DEFAULT = ("mutual_information",)
EVERY_STEP = ("charts", "gradient_norms")


def main() -> None:
    """Measure, print the tables and record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", default=list(ROUNDS), choices=ROUNDS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, JsonValue] = {
        "effective_rank": rank_table(),
        "mutual_information": information_table(),
        "cost": {size: cost(size) for size in arguments.sizes},
    }
    print(write_result("instruments", figures))


def cost(size: str) -> JsonValue:
    """Median times of a step and of each measure, and what they come to in a step."""
    bench = Bench(size)
    times = [bench.round() for _ in range(ROUNDS[size])]
    medians = {name: statistics.median(one[name] for one in times) for name in times[0]}
    shares = {name: seconds / medians["step"] for name, seconds in medians.items()}
    shares["gradient_norms"] -= shares["global_norm"]
    for name in (*SPARSE, *OFF_BY_DEFAULT):
        shares[name] /= INTERVAL
    by_default = sum(shares[name] for name in (*SPARSE, *EVERY_STEP))
    for name in (*SPARSE, *EVERY_STEP, *OFF_BY_DEFAULT):
        print(f"{size:6} {name:20} {1000 * medians[name]:8.3f} ms {100 * shares[name]:8.4f} %")
    print(f"{size:6} step {1000 * medians['step']:.1f} ms, by default {100 * by_default:.3f} %")
    return {
        "activation": ACTIVATION,
        "interval": INTERVAL,
        "rounds": ROUNDS[size],
        "parameters": sum(parameter.numel() for parameter in bench.member.model.parameters()),
        "cpu_ms": {name: 1000 * seconds for name, seconds in medians.items()},
        "share_of_step": {name: shares[name] for name in (*SPARSE, *EVERY_STEP, *OFF_BY_DEFAULT)},
        "share_of_step_by_default": by_default,
    }


class Bench:
    """A member that has left its initialisation behind, and a batch of random tokens."""

    def __init__(self, size: str) -> None:
        shape = SIZES[size]
        model = ModelConfig(size=size, vocab_size=VOCABULARY, **shape.model_dump(exclude={"batch"}))
        optimizer = OptimizerConfig(batch=shape.batch)
        setup = WorkerSetup(run_folder="", model=model, optimizer=optimizer)
        self.member = Member.create(setup, parse(ACTIVATION), derive_seed(0, "benchmark member"))
        stream = torch.Generator().manual_seed(derive_seed(0, "benchmark batch"))
        tokens = torch.randint(0, VOCABULARY, (shape.batch, shape.block + 1), generator=stream)
        self.batch = Batch(tokens[:, :-1], tokens[:, 1:])
        self.noise = generator(0, "benchmark signals")
        self.panel = Panel.of(SymbioConfig())
        self.charts = self.panel.start(None)
        for _ in range(3):
            self.step()

    def round(self) -> dict[str, float]:
        """Seconds of a step and of everything that may be measured at it."""
        times = {"step": seconds_of(self.step)}
        member, model = self.member, self.member.model
        torch.autograd.backward(member.losses(self.batch, StepSettings()).objective)
        gradients = member.optimizer.gradients()
        measures: dict[str, Callable[[], object]] = {
            "global_norm": lambda: global_norm(gradients.values()),
            "gradient_norms": lambda: gradient_norms(gradients),
            "weight_entropy": lambda: weight_entropy(model),
            "effective_rank": lambda: mean_effective_rank(model),
            "free_energy": lambda: free_energy(2.0, 3.0, 5e-5),
            "charts": self.observe,
            "mutual_information": lambda: mean_information(model, self.batch.inputs),
        }
        # The first of two readers would pay for the memory of the other.
        global_norm(gradients.values())
        times |= {name: seconds_of(measure) for name, measure in measures.items()}
        member.optimizer.zero_grad()
        return times

    def step(self) -> None:
        """One update at a rate that a long run could keep."""
        self.member.train_step(self.batch, StepSettings(learning_rate=0.1))

    def observe(self) -> None:
        """One step of the charts on stationary noise."""
        norm, speed = (float(one) for one in self.noise.lognormal(sigma=0.1, size=2))
        signals = Signals(grad_norm=norm, clip_pct=0.0, tokens_per_sec=1000 * speed)
        self.charts = self.panel.observe(self.charts, signals).state


def global_norm(gradients: Iterable[Tensor]) -> float:
    """What a step measures without components."""
    return float(torch.nn.utils.get_total_norm(list(gradients)))


def seconds_of(work: Callable[[], object]) -> float:
    """CPU seconds, which other jobs of the machine disturb less than time on the clock."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
