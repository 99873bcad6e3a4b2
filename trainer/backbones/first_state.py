"""States that a document begins with, where they are trained: what they bring to later tokens.

A recurrence is linear in its state, so a state that is empty where a document begins is enough for
all else, and what the trained one adds is a decay since that token times it.

Shapes: B sequences, T positions, H heads, E channels that decay alike or not.
"""

import torch
from torch import Tensor


def since_beginning(log_w_BTHE: Tensor, fresh_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Decay since the last beginning of a document up to before each token and up to behind it;
    zero where none has begun. Sums are float64: over a window they grow large.
    """
    places = torch.arange(fresh_BT.shape[1], device=fresh_BT.device)
    begun_BT = torch.where(fresh_BT, places, -1).cummax(dim=1).values
    behind = log_w_BTHE.double().cumsum(dim=1)
    before = behind - log_w_BTHE
    index = begun_BT.clamp(min=0)[..., None, None].expand_as(before)
    start, has_begun = before.gather(1, index), (begun_BT >= 0)[..., None, None]
    dtype = log_w_BTHE.dtype
    before, behind = ((one - start).exp() * has_begun for one in (before, behind))
    return before.to(dtype), behind.to(dtype)
