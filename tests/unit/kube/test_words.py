"""What a server quotes of an object is hidden; what helps to mend it stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.kube.words import without_values


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            'Secret "db" is invalid: data[DB_PASSWORD!]: Invalid value: "DB_PASSWORD!": a valid config key must consist of',
            'Secret "db" is invalid: data[DB_PASSWORD!]: Invalid value: (hidden): a valid config key must consist of',
        ),
        (
            'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
            'Deployment.apps "web" is invalid: spec.replicas: Invalid value: (hidden): must be greater than or equal to 0',
        ),
        (
            '"web" is invalid: [spec.a: Invalid value: {"matchLabels":{"a":"hunter2"}}: immutable, spec.x: Duplicate value: "hunter2"]',
            "(hidden) is invalid: [spec.a: Invalid value: (hidden): immutable, spec.x: Duplicate value: (hidden)]",
        ),
        (
            'Pod "p" is invalid: spec.restartPolicy: Unsupported value: "hunter2": supported values: "Always", "Never"',
            'Pod "p" is invalid: spec.restartPolicy: Unsupported value: (hidden): supported values: "Always", "Never"',
        ),
        ('x: Invalid value: "a\\"hunter2\\x00": no', "x: Invalid value: (hidden): no"),
        ("x: Invalid value: map[password:hunter2 a:b]: no", "x: Invalid value: (hidden)"),
        ("x: Invalid value: v1.Y{Password:&v1.Z{P:hunter2}}: no", "x: Invalid value: (hidden)"),
        ('x: Invalid value: "hunter2 never ends', "x: Invalid value: (hidden)"),
        (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: parsing time "hunter2" as "2006-01-02": cannot parse "hunter2"',
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: parsing time (hidden) as (hidden): cannot parse (hidden)',
        ),
        (
            'admission webhook "check.example.com" denied the request: password "hunter2" of kind "Secret" is weak',
            'admission webhook "check.example.com" denied the request: password (hidden) of kind (hidden) is weak',
        ),
        (  # argoproj-labs/argocd-vault-plugin#381: the document around the mistake
            (
                'Secret in version "v1" cannot be handled as a Secret: Data: decode base64: illegal base64 data at input byte 0, '
                'error found in #10 byte of ...|hunter2\\u003e"},"kind":"|..., bigger context ...|data":{"my-data":"hunter2"}|...'
            ),
            'Secret in version "v1" cannot be handled as a Secret: Data: decode base64: illegal base64 data at input byte 0',
        ),
        (  # kubernetes#31548
            "[pos 91]: json: error decoding base64 binary 'hunter2': illegal base64 data at input byte 4",
            "[pos 91]: json: error decoding base64 binary (hidden): illegal base64 data at input byte 4",
        ),
        ('strict decoding error: unknown field "spec.replcas"', 'strict decoding error: unknown field "spec.replcas"'),
        ('namespaces "shop" not found', 'namespaces "shop" not found'),
    ],
)
def test_values_are_hidden_and_names_and_reasons_stay(words: str, shown: str) -> None:
    """Forms of Kubernetes' field errors (CVE-2020-8565 and kubernetes#104234 are of this kind)."""
    assert without_values(words) == shown
    assert "hunter2" not in without_values(words)


@given(st.text(min_size=1).map(lambda text: f"hunter2{text}"))
def test_no_text_of_a_value_comes_through(value: str) -> None:
    """As Go's %q or JSON writes it, whatever it holds."""
    import json

    said = without_values(f"spec.x: Invalid value: {json.dumps(value)}: must be short")
    assert said == "spec.x: Invalid value: (hidden): must be short"
