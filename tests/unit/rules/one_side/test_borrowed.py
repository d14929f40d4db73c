"""What takes its pods from another workload, and what that runs."""

from __future__ import annotations

from typing import Any

from migrator.model.manifest import get
from migrator.rules.one_side.borrowed import lender, with_template
from tests.support.objects import made

API = "argoproj.io/v1alpha1"
SPEC = {"replicas": 3, "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dns"}}


def test_templates_of_other_kinds_are_taken_where_they_stand() -> None:
    """A PodTemplate has its own at another place."""
    template: dict[str, Any] = {"spec": {"containers": []}}
    found = with_template(made(API, "Rollout", "front", spec=SPEC), made("v1", "PodTemplate", "dns", template=template))
    assert get(found, "spec", "template") == template
    assert with_template(made(API, "Rollout", "front", spec=SPEC), made("v1", "ConfigMap", "dns")) == made(
        API, "Rollout", "front", spec=SPEC
    )
    assert lender(made(API, "Rollout", "front", spec={"template": template})) is None
    assert lender(made("example.org/v1", "Thing", "x", spec=SPEC)) is None
