"""A trial of Optuna's that was measured elsewhere. Importing this imports Optuna."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

NO_TIME = datetime.fromtimestamp(0, UTC)
"""Optuna asks for one; no proposal depends on it."""


class ToldTrial(FrozenTrial):
    """What a study takes as it is: copying each one deeply is most of what telling them costs."""

    def __init__(
        self, space: Mapping[str, BaseDistribution], constants: Sequence[float], gain: float
    ) -> None:
        super().__init__(
            number=-1,
            trial_id=-1,
            state=TrialState.COMPLETE,
            value=gain,
            datetime_start=NO_TIME,
            datetime_complete=NO_TIME,
            params=dict(zip(space, constants, strict=True)),
            distributions=dict(space),
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )

    def __deepcopy__(self, memo: dict[int, object]) -> "ToldTrial":
        """Itself: it is told to one study, and nobody else holds it."""
        return self
