"""Does the run deserve what it claims: the exported model and the report?"""

import hashlib

from pydantic import ValidationError
from pydantic.main import IncEx

from orchestrator.verification.check import Check, failed, passed, skipped
from orchestrator.verification.replayed import first_difference
from orchestrator.verification.snapshot import Snapshot
from state.objects import ObjectStore

_INTERVALS: IncEx = {"interval"}
_CONTROLS: IncEx = {"__all__": _INTERVALS}
NOT_IN_THE_STATE: IncEx = {"environment": True, "resume_line": True, "control": _CONTROLS}
"""Fields of the report that say where it was written, or that older versions did not write."""


def check_export(now: Snapshot) -> list[Check]:
    """The exported weights are the winner's, byte for byte."""
    winner, path = now.saved.run.winner, now.folder.model / "model.safetensors"
    if winner is None or now.saved.run.final is None:
        return [skipped("export", "the run is not finished")]
    if not path.exists():
        return [failed("export", f"{path} is missing; symbio-auto report writes it again")]
    from safetensors.torch import save

    from trainer.checkpoint import decode_any

    try:
        stored = ObjectStore(now.folder.objects).read(winner.checkpoint)
    except ValueError as error:
        return [failed("export", str(error))]
    weights = save(decode_any(stored).weights, {"format": "pt"})
    if weights != path.read_bytes():
        return [failed("export", f"{path} is not made of the winner's checkpoint")]
    digest = hashlib.sha256(weights).hexdigest()
    return [passed("export", f"model.safetensors ({digest[:12]}...) has the winner's weights")]


def check_report(now: Snapshot) -> list[Check]:
    """final-report.json says what the state and the store say."""
    from orchestrator.report.finish import report_of

    path = now.folder.final_report
    if now.saved.run.final is None:
        return [skipped("report", "the run is not finished")]
    if not path.exists():
        return [failed("report", f"{path} is missing; symbio-auto report writes it again")]
    try:
        built = report_of(now.folder, now.saved)
        written = type(built).model_validate_json(path.read_bytes())
    except ValidationError as error:
        return [failed("report", f"{path} is no report: {error.errors()[0]['msg']}")]
    except (OSError, ValueError) as error:
        return [failed("report", str(error))]
    one, other = (
        each.model_dump(mode="json", exclude=NOT_IN_THE_STATE) for each in (written, built)
    )
    difference = first_difference(one, other, source="the state")
    if difference:
        return [failed("report", difference)]
    return [passed("report", f"all {len(one)} fields follow from the state and the store")]
