"""A stack whose activations and losses are kernels, in the interpreter."""

import pytest

from tests.trainer.stacked.stacks import require_same_morph, setup_of
from trainer.stacked import activations, decoder

pytestmark = pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")


@pytest.mark.parametrize(
    "formulas", [("gelu", "0.4*sin(x) + relu(x)"), ("glu(silu(x))", "glu(tanh(x))")]
)
def test_members_learn_what_they_learn_alone(
    formulas: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (activations, decoder):
        monkeypatch.setattr(module, "usable_on", lambda _: True)
    require_same_morph(setup_of(layers=1), formulas, formulas[1], (0.5, 1.0))
