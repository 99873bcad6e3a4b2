"""What can be rented has a price with a date, and what may not be is said before anybody asks."""

import json
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.cloud.machine import Order, body_of, label_of, require_sound
from deploy.cloud.offer import (
    OFFERS,
    PRICES_AS_OF,
    accelerator_of,
    disk_usd_per_hour,
    offer_of,
    price_of,
)
from deploy.cloud.quote import as_lines, quote_of

ORDER = Order(project="night-work")


def test_the_usual_machine_has_one_l4_and_its_price_a_date() -> None:
    offer = offer_of("g2-standard-4")
    assert offer is not None
    assert (offer.gpu, offer.num_gpus) == ("NVIDIA L4", 1)
    price = price_of("g2-standard-4", spot=False)
    assert price.usd_per_hour == pytest.approx(0.7068)
    assert str(PRICES_AS_OF) in price.source
    assert date(2026, 1, 1) < PRICES_AS_OF


def test_prices_grow_with_what_is_bought() -> None:
    for one in OFFERS:
        assert 0 < one.spot_usd_per_hour < one.usd_per_hour
        for other in OFFERS:
            if (
                one.gpu == other.gpu
                and one.machine_type.split("-")[:2] == (other.machine_type.split("-")[:2])
            ):
                more = (one.num_gpus, one.num_cpus) <= (other.num_gpus, other.num_cpus)
                assert not more or one.usd_per_hour <= other.usd_per_hour


def test_a_gpu_in_an_n1_machine_costs_beside_it() -> None:
    alone = price_of("n1-standard-4", spot=False).usd_per_hour
    both = price_of("n1-standard-4", spot=False, accelerator="nvidia-tesla-t4:2").usd_per_hour
    assert both == pytest.approx(alone + 0.7)


@pytest.mark.parametrize(
    ("machine", "accelerator", "given_price", "said"),
    [
        ("g2-standard-5", None, None, "did you mean g2-standard-4"),
        ("c9-unheard-of", None, None, "give --price-per-hour"),
        ("n1-standard-4", "nvidia-tesla-k80", None, "choose one of nvidia-tesla-t4"),
        ("n1-standard-4", "nvidia-tesla-t4:none", None, "TYPE:NUMBER"),
        ("g2-standard-4", None, -1.0, "below 0"),
    ],
)
def test_what_has_no_price_is_refused(
    machine: str, accelerator: str | None, given_price: float | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        price_of(machine, spot=False, accelerator=accelerator, given=given_price)


def test_what_you_pay_goes_over_the_list() -> None:
    assert price_of("c9-unheard-of", spot=True, given=0.5).usd_per_hour == 0.5


def test_the_plan_says_hours_price_and_their_product() -> None:
    price = price_of("g2-standard-4", spot=True)
    quote = quote_of(ORDER.model_copy(update={"spot": True, "cap_seconds": 36000.0}), price, 8)
    text = "\n".join(as_lines(quote))
    hourly = price.usd_per_hour + disk_usd_per_hour(100)
    assert f"8 hours: ${8 * hourly:.2f}" in text
    assert f"10 hours, then Google stops it: ${10 * hourly:.2f} at most" in text
    assert "Spot: may be taken away" in text
    assert "1 NVIDIA L4, 4 vCPU, 16 GiB" in text


def test_a_price_of_another_region_is_no_promise() -> None:
    order = ORDER.model_copy(update={"zone": "europe-west4-a"})
    quote = quote_of(order, price_of("g2-standard-4", spot=False))
    assert "other regions cost up to 40 % more" in as_lines(quote)[-1]
    assert "other regions" not in as_lines(quote_of(order, price_of("x", spot=False, given=1)))[-1]


def test_a_run_cannot_be_expected_to_outlive_its_machine() -> None:
    with pytest.raises(ValueError, match="give --max-hours 20 or more"):
        quote_of(ORDER, price_of("g2-standard-4", spot=False), 20)


@pytest.mark.parametrize(
    ("field", "value", "flag"),
    [
        ("project", "My Project", "--project"),
        ("zone", "us-central1", "--zone"),
        ("name", "Symbio_Train", "--name"),
        ("name", "a" * 64, "--name"),
        ("machine_type", "g2 standard", "--machine-type"),
        ("user", "root;reboot", "--ssh-user"),
        ("network", "a/b", "--network"),
        ("image", "ubuntu", "--image"),
        ("disk_gb", 10, "--disk-gb"),
        ("cap_seconds", 5.0, "--max-hours"),
        ("cap_seconds", 121 * 86400.0, "--max-hours"),
        ("idle_minutes", -1, "--idle-minutes"),
        ("accelerator", "t4:x", "--accelerator"),
    ],
)
def test_what_google_would_refuse_is_refused_here(field: str, value: object, flag: str) -> None:
    with pytest.raises(ValueError, match=flag):
        require_sound(ORDER.model_copy(update={field: value}))


@given(st.text(max_size=200))
def test_any_name_of_a_run_makes_a_label(name: str) -> None:
    label = label_of(name)
    assert 0 < len(label) <= 63
    assert all(one in "abcdefghijklmnopqrstuvwxyz0123456789_-" for one in label)


@given(st.text(max_size=40))
def test_any_accelerator_is_understood_or_refused(text: str) -> None:
    found = None
    with suppress(ValueError):
        found = accelerator_of(text)
    assert found is None or (found[0] and 1 <= found[1] <= 16)


def test_the_machine_ends_by_itself_and_is_known_before_it_starts() -> None:
    order = ORDER.model_copy(
        update={"spot": True, "run": "My Run", "public_key": "ssh-ed25519 AAAA"}
    )
    body = body_of(require_sound(order))
    assert body["scheduling"] == {
        "provisioningModel": "SPOT",
        "instanceTerminationAction": "STOP",
        "maxRunDuration": {"seconds": "43200"},
        "onHostMaintenance": "TERMINATE",
        "automaticRestart": False,
    }
    assert body["labels"] == {"symbio-tool": "symbio-auto", "symbio-run": "my-run"}
    assert body["serviceAccounts"] == []
    items = {one["key"]: one["value"] for one in json.loads(json.dumps(body))["metadata"]["items"]}
    assert items["enable-guest-attributes"] == "TRUE"
    assert items["ssh-keys"] == "symbio:ssh-ed25519 AAAA symbio"
    assert "startup-script" not in items
    idle = body_of(order.model_copy(update={"idle_minutes": 30}))["metadata"]
    assert "startup-script" in str(idle)
