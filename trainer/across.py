"""What the processes that train one member tell each other in a step."""

from collections.abc import Mapping

from torch import Tensor


class Across:
    """The processes, each with its part of every batch; here there is one, with all of it."""

    rank, size = 0, 1

    def joined(self, told: tuple[Tensor, ...], gradients: Mapping[str, Tensor]) -> list[Tensor]:
        """The means of `told`, tensors of any shape, over the processes, without a gradient.

        What backward left becomes its own mean in place.
        """
        del gradients
        return [one.detach() for one in told]

    def tokens(self, inputs: Tensor) -> int:
        """Of the whole batch, of which `inputs` is this process's part."""
        return self.size * inputs.numel()


ALONE = Across()
