"""The original's flag for the device, wherever the device can be given."""

import pytest

from orchestrator.grammar import build_parser


@pytest.mark.parametrize("command", [[], ["train"], ["gcp", "run"], ["gcp", "train"], ["plan"]])
def test_the_originals_backend_is_the_device(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = build_parser()
    for backend, device in (("helios", "auto"), ("cpu", "cpu")):
        found = vars(parser.parse_args([*command, "--backend", backend]))
        assert found["engine.device"] == device
    with pytest.raises(SystemExit):
        parser.parse_args([*command, "--backend", "cuda9"])
    assert "--backend cuda9 is unknown; did you mean cuda" in capsys.readouterr().err
