"""How many members this device holds: what is known from before, and what is measured now."""

from orchestrator.analysis.diagnose.packing_cache import Kept, PackingCache
from orchestrator.analysis.diagnose.packing_record import Memory, Packing, Unfit
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import OpenedModel
from state.environment import fingerprint
from state.records import Genome
from trainer.config import WorkerSetup
from trainer.diagnostics.member_memory import MemberCosts, MemoryRequest, measure_members
from trainer.diagnostics.member_trial import MemberCost, MemberShape, free_megabytes

Shapes = tuple[MemberShape, ...]


def members_near(opened: OpenedModel, progress: Progress, *, quick: bool) -> Memory:
    """Members of the run's shape and of shapes near it; what is known is not measured again."""
    progress.show("memory and speed", 0, 1)
    setup = opened.setup
    shapes = near(setup.optimizer.batch, setup.model.block, quick=quick)
    return packing_of(request_of(setup, opened.best.genome, shapes), anew=False)


def members_anew(opened: OpenedModel, progress: Progress, *, quick: bool) -> Memory:
    """The same and more shapes, measured now, and as many members at once as should fit."""
    progress.show("memory and speed", 0, 1)
    setup = opened.setup
    batch, block = setup.optimizer.batch, setup.model.block
    shapes = near(batch, block, quick=quick)
    if not quick:
        wide = [(4 * batch, block), (batch, 2 * block)]
        shapes = (*shapes, *(MemberShape(batch=one, block=length) for one, length in wide))
    request = request_of(setup, opened.best.genome, shapes)
    found = packing_of(request.model_copy(update={"together": True}), anew=True)
    progress.clear()
    return found


def near(batch: int, block: int, *, quick: bool) -> Shapes:
    """The run's own, the same tokens in half the context, and half and twice the batch."""
    own = [(batch, block)]
    others = [(2 * batch, max(1, block // 2)), (max(1, batch // 2), block), (2 * batch, block)]
    pairs = dict.fromkeys(own if quick else own + others)
    return tuple(MemberShape(batch=one, block=length) for one, length in pairs)


def request_of(setup: WorkerSetup, genome: Genome, shapes: Shapes) -> MemoryRequest:
    """A thread for each member, as in a search."""
    return MemoryRequest(setup=setup, genome=genome, threads=1, shapes=shapes)


def packing_of(request: MemoryRequest, *, anew: bool, cache: PackingCache | None = None) -> Memory:
    """A row for each shape, and for the half of those that do not fit."""
    try:
        device = device_name(request.setup.device)
    except (AssertionError, RuntimeError):
        return Memory(model=_model(request), skipped="there is no CUDA device here, the run's own")
    cache = cache or PackingCache()
    known = {} if anew else cache.find(request, device)
    missing = tuple(shape for shape in request.shapes if shape not in known)
    measured, skipped = MemberCosts(costs=()), ""
    if missing:
        try:
            measured = measure_members(request.model_copy(update={"shapes": missing}))
        except RuntimeError as error:
            skipped = str(error)
        cache.keep(request, device, measured.costs)
    free = free_megabytes(request.setup.device) if known else 0.0
    rows = {shape: _known(one, free) for shape, one in known.items()}
    rows |= {cost.shape: packing(cost) for cost in measured.costs}
    first = [shape for shape in request.shapes if shape in rows]
    ordered = dict.fromkeys((*first, *rows))
    return Memory(
        model=_model(request),
        device=device,
        threads=request.threads,
        skipped=skipped,
        rows=tuple(rows[shape] for shape in ordered),
        unfit=tuple(
            Unfit(batch=one.shape.batch, block=one.shape.block, reason=one.reason)
            for one in measured.refused
        ),
    )


def device_name(device: str) -> str:
    """The processor or the accelerator.

    Raises:
        AssertionError: torch was built without CUDA.
        RuntimeError: there is no accelerator.
    """
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    return str(fingerprint()["processor"])


def packing(cost: MemberCost, measured: str = "") -> Packing:
    """The row of a cost."""
    return Packing(
        batch=cost.shape.batch,
        block=cost.shape.block,
        dtype=cost.dtype,
        megabytes=cost.megabytes,
        worker_megabytes=cost.worker_megabytes,
        free_megabytes=cost.free_megabytes,
        fitting=cost.fitting,
        together=cost.together,
        tokens_per_second=cost.tokens_per_second,
        measured=measured,
    )


def _known(kept: Kept, free: float) -> Packing:
    """What it cost then, in what is free now."""
    return packing(kept.cost.model_copy(update={"free_megabytes": free}), kept.measured)


def _model(request: MemoryRequest) -> str:
    model = request.setup.model
    shape = f"{model.dim} wide, {model.layers} deep"
    return f"{model.backbone}, {shape}, {request.genome.formula}"
