"""What metrics tell of a program's work, and where they can be asked for."""

from __future__ import annotations

import pytest

from migrator.rules.one_side.proof import EXTERNAL_DNS, port_of, value_of, words
from tests.support.objects import deployment


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ([], 7979),
        (["--metrics-address=:7980"], 7980),
        (["--metrics-address", "0.0.0.0:7981"], 7981),
        (["--metrics-address=[::]:7982"], 7982),
        (["--metrics-address=127.0.0.1:7979"], 0),
        (["--metrics-address=localhost:7979"], 0),
        (["--metrics-address=[::1]:7979"], 0),
        (["--metrics-address=:0"], 0),
        (["--metrics-address=:http"], 0),
        (["--metrics-address=:99999999999"], 0),
        (["--metrics-address="], 0),
    ],
)
def test_metrics_are_asked_for_where_others_get_them(arguments: list[str], port: int) -> None:
    """By flag; what listens on its own loopback, or at a port of chance, cannot be asked; and the plan says so."""
    workload = deployment("dns")
    workload["spec"]["template"]["spec"]["containers"][0]["args"] = arguments
    assert port_of(workload, EXTERNAL_DNS) == port
    assert (f"port {port} of its pods" if port else "proves nothing of what it reaches") in words(workload, EXTERNAL_DNS)


def test_metrics_are_asked_for_where_a_variable_says() -> None:
    """EXTERNAL_DNS_METRICS_ADDRESS is the same as the flag."""
    workload = deployment("dns")
    workload["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "EXTERNAL_DNS_METRICS_ADDRESS", "value": ":8080"}]
    assert port_of(workload, EXTERNAL_DNS) == 8080


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("# HELP m seconds\n# TYPE m gauge\nm 1.7e+09\n", 1.7e9),
        ("m 0\n", 0.0),
        ("mm 5\nm_total 6\n", None),
        ("m\n", None),
        ("m \n", None),
        ("m NaN\n", None),
        ("m +Inf\n", None),
        ("m one\n", None),
        ("", None),
    ],
)
def test_a_metric_is_read_from_text(text: str, value: float | None) -> None:
    """A pod may answer anything: what is no number is no proof."""
    assert value_of(text, "m") == value
