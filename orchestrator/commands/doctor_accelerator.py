"""The accelerator, where there is one."""

from orchestrator.commands.doctor_checks import Check


def accelerator_checks() -> list[Check]:
    """What computes on CUDA, and whether activations have kernels there; nothing without one."""
    import torch

    if not torch.cuda.is_available():
        return []
    from trainer.activations.gpu import why_absent

    about, reason = torch.cuda.get_device_properties(0), why_absent()
    gigabytes = f"{about.total_memory / 1e9:.0f} GB"
    line, _, remedy = (reason or "").partition("; ")
    return [
        Check(name="accelerator", ok=True, found=f"{about.name}, {gigabytes}"),
        Check(
            name="kernels",
            ok=reason is None,
            found="compiled by Triton" if reason is None else f"eager PyTorch: {line}",
            remedy=remedy,
        ),
    ]
