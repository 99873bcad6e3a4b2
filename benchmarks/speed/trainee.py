"""A process that trains one member, as a worker of `train` does.

python -m benchmarks.speed.trainee RECORD

Every step draws its batch, is guarded and leaves a row of metrics; what makes work durable is
not in it (see benchmarks/durability.py), nor are evaluations.
"""

import sys
from pathlib import Path

from benchmarks.speed.serving import Take, serve
from benchmarks.speed.shapes import Trainee

# Sets what OpenMP reads when torch is loaded, as it does in every worker.
from orchestrator import task_runner  # noqa: F401
from state.run_folder import RunFolder


def main(record: str) -> None:
    """Serve until the input ends."""
    trainee = Trainee.model_validate_json(record)
    setup = trainee.setup()
    from trainer.execution import reproducible

    with reproducible(trainee.threads, setup.device, deterministic=setup.deterministic):
        serve(lambda: trained(trainee))


def trained(trainee: Trainee) -> tuple[Take, int]:
    """What takes the steps of a new member, and the parameters of it."""
    from state.genome import parse
    from trainer.data import Dataset
    from trainer.member import Member
    from trainer.training import Chunk

    member = Member.create(trainee.setup(), parse(trainee.activation), trainee.seed)
    dataset = Dataset(RunFolder(Path(trainee.run_folder)).data)
    begun = 0

    def take(steps: int) -> float:
        nonlocal begun
        chunk = Chunk(trainee.task(begun, steps), member, dataset)
        chunk.run()
        begun += steps
        loss = chunk.result().train_loss
        assert loss is not None
        return loss

    return take, sum(parameter.numel() for parameter in member.model.parameters())


if __name__ == "__main__":
    main(sys.argv[1])
