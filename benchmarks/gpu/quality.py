"""How soon is nanoGPT's quality there: 1.4697 nats a character at 10.65 M parameters.

    python -m benchmarks.gpu.quality --data tinyshakespeare.txt --out FOLDER

nanoGPT's script for characters takes 5,000 steps of 64 windows of 256. The bar is 30 % of these
tokens. Schedules that end after so many steps, measured on the whole held-out tenth as they go.
"""

import time
from functools import partial

import torch

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.trainees import dataset, setup_of, shape_of, task_of
from state.tasks import Decay, LearningRateSpan
from trainer.evaluation import evaluate
from trainer.execution import reproducible
from trainer.member import Member, precision
from trainer.stacked.stack import Stack
from trainer.stacked.training import StackedChunks
from trainer.training import Chunk

TARGET, NANOGPT_STEPS = 1.4697, 5000
LENGTHS = (1500, 1000, 750, 500)
MEASUREMENTS = 10
MEAN_SHARE = 0.06
"""Of the steps that the running mean looks back over."""


def main() -> None:
    """One schedule after the other."""
    arguments = flags(__doc__).parse_args()
    place = Place.of("quality", arguments)
    if place.data is None and not place.toy:
        raise SystemExit("give --data tinyshakespeare.txt: the target is of that text")
    rows = Rows(place)
    for steps in LENGTHS:
        for activation in ("gelu", "relu2"):
            rows.add(
                f"{steps} steps {activation}",
                partial(course, place, steps, activation),
            )
    rows.end()


def course(place: Place, steps: int, activation: str) -> Row:
    """Train to the end of a schedule; when the target was reached, by weights or their mean."""
    steps = MEASUREMENTS if place.toy else steps
    setup = setup_of(place, shape_of(place, "char-10M"))
    decay = Decay(curve="linear", start=steps // 4, end=steps)
    rate = LearningRateSpan(first=1.0, last=0.0, decay=decay, warmup_steps=steps // 20)
    mean_rate = min(1.0, 1 / (MEAN_SHARE * steps))
    task = task_of(0, activation, steps, learning_rate=rate, mean_rate=mean_rate)
    begun, found = time.perf_counter(), {}
    with reproducible(1, place.device, deterministic=False):
        member = Member.create(setup, task.genome, seed=0)
        chunk = Chunk(task, member, dataset(place))
        chunk.set_dropout()
        together, stack = StackedChunks([chunk]), Stack([member])
        for index in range(steps):
            chunk.rows.append(together.step(stack, index)[0])
            if (index + 1) % (steps // MEASUREMENTS) == 0:
                found[index + 1] = least_nats(place, member)
    reached = next((step for step, nats in found.items() if nats <= TARGET), None)
    return {
        "nats": min(found.values()),
        "reached_at": reached,
        "share_of_nanogpt": None if reached is None else reached / NANOGPT_STEPS,
        "seconds": time.perf_counter() - begun,
        "course": {str(step): nats for step, nats in found.items()},
    }


def least_nats(place: Place, member: Member) -> float:
    """On the held-out text, of the weights and of their mean."""
    with precision(member.setup):
        found = [evaluate(member.model, dataset(place), "search").nats_per_token]
        if member.mean is not None:
            own = {name: one.clone() for name, one in member.model.state_dict().items()}
            with torch.no_grad():
                member.model.load_state_dict(member.mean)
                found.append(evaluate(member.model, dataset(place), "search").nats_per_token)
                member.model.load_state_dict(own)
    return min(found)


if __name__ == "__main__":
    main()
