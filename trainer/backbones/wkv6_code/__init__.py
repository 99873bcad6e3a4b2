"""The recurrence of RWKV-6 compiled for the CPU."""

from trainer.backbones.wkv6_code.compiled import fits, wkv6_compiled

__all__ = ["fits", "wkv6_compiled"]
