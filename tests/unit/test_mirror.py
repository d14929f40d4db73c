"""The tests are built like the package: where a test lies, what it says, and that it can fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support import source

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "migrator"
UNIT = ROOT / "tests/unit"
TESTS = sorted(path for path in (ROOT / "tests").rglob("test_*.py"))

WITHOUT_LOGIC = {
    "__main__.py": "calls main",
    "config/login.py": "values",
    "errors.py": "classes of errors, raised and read in the tests of all others",
    "model/events.py": "values",
    "model/kinds.py": "values",
    "model/outcome.py": "values",
    "nodes/paths.py": "values",
    "ports/clusters.py": "protocols",
    "ports/hosts.py": "protocols",
    "ports/run.py": "protocols",
    "ports/traffic.py": "protocols",
    "rules/staying_kinds.py": "values",
    "volumes/agent/settings.py": "values",
}
"""Modules that decide nothing."""
ELSEWHERE = {
    "cli/advise.py": "tests/e2e/test_upgrade.py and tests/on_demand/test_upgrade_faults.py, on real nodes",
    "config/ssh_access.py": "tests/unit/config/test_haproxy.py and test_address.py, of which it is a part",
    "cli/boundary.py": "tests/unit/cli/test_main.py",
    "cli/copy.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "cli/cutover.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "nodes/hop/etcd_election.py": "tests/unit/nodes/hop/test_second_etcd.py, of which it is a part, and tests/integration",
    "cli/data/": "tests/integration/test_data.py, on a real pair of clusters and hosts",
    "cli/diff.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "cli/packages/": "tests/e2e/test_packages.py and on demand",
    "cli/plan.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "cli/prepare.py": "tests/integration/test_switches.py, through the verb",
    "cli/proof/verbs.py": "tests/unit/cli/proof/test_verify.py",
    "cli/retire.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "cli/upgrade/": "tests/e2e/test_upgrade.py and tests/on_demand/test_upgrade_faults.py, on real nodes",
    "cli/validate.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "journal/records/base.py": "tests/unit/journal/test_records.py",
    "journal/records/decisive.py": "tests/unit/journal/test_records.py",
    "journal/records/data.py": "tests/unit/journal/test_records.py",
    "journal/records/migration.py": "tests/unit/journal/test_records.py",
    "journal/records/traffic.py": "tests/unit/journal/test_records.py",
    "journal/records/upgrade.py": "tests/unit/journal/test_records.py",
    "migration/claims.py": "tests/unit/migration/data/test_over.py, through the verbs",
    "migration/data/home.py": "tests/unit/migration/data/test_over.py, the same data on its way back",
    "migration/data/passes.py": "tests/unit/migration/data/test_verbs.py",
    "model/advice.py": "tests/unit/upgrade/test_advise.py",
    "model/facts.py": "tests/unit/upgrade/checks/, whose facts are of its classes",
    "model/host.py": "tests/unit/readiness/test_hosts.py",
    "model/upgrade.py": "tests/unit/upgrade/test_steps.py and test_verbs.py",
    "nodes/spec.py": "tests/unit/nodes/test_kubeadm.py",
    "provision/addons.py": "tests/unit/provision/test_component.py",
    "provision/cloud.py": "tests/unit/provision/test_component.py",
    "provision/debian.py": "tests/e2e/test_packages.py and on demand",
    "wiring/access.py": "tests/integration/test_verbs.py, through the verbs",
    "wiring/migration.py": "tests/integration/test_verbs.py and test_traffic.py, through the verbs",
    "wiring/volumes.py": "tests/integration/test_data.py, on a real pair of clusters and hosts",
}
"""Modules, or folders of them, that are tested, but not by a unit test that has their name: where they are.

This list may only get shorter.
"""
SUBJECTS = {
    "test_architecture.py",
    "test_pages.py",
    "test_mirror.py",
    "test_wheel.py",
    "testbed/test_supplies.py",
    "cli/test_journals.py",
    "kube/test_patience.py",
    "rules/test_properties.py",
}
"""Unit tests whose subject is more than one module."""
CHECKS = ("assert_", "until", "refuses", "fails", "await_")
"""How the name of a function begins that fails a test by itself."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[str]:
    """Return the modules of the package, but for the equipment of the tests themselves."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if path.name != "__init__.py" and not name.startswith(("testbed/", "cli/testbed/")):
            yield name


def mirror(module: str) -> Path:
    """Return where the unit test of a module lies."""
    path = Path(module)
    return UNIT / path.parent / f"test_{path.name}"


def cases() -> Iterator[tuple[str, Function]]:
    """Yield all tests, and their names behind that of their file."""
    for path in TESTS:
        for node in source.tree_of(path).body:
            if isinstance(node, Function) and node.name.startswith("test_"):
                yield f"{path.relative_to(ROOT)}::{node.name}", node


def can_fail(test: Function) -> bool:
    """Return whether a test has an assertion, or calls what has one by its name."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("pytest.raises", "pytest.fail") or name.rpartition(".")[2].startswith(CHECKS):
                return True
    return False


def missing() -> set[str]:
    """Return the modules without a unit test of their name."""
    return {name for name in modules() if not mirror(name).exists()}


def test_every_module_has_a_unit_test_of_its_name() -> None:
    """`migrator/a/b.py` is tested by `tests/unit/a/test_b.py`; what is not stands in a list with the reason."""
    folders = tuple(name for name in ELSEWHERE if name.endswith("/"))
    assert {name for name in missing() - WITHOUT_LOGIC.keys() - ELSEWHERE.keys() if not name.startswith(folders)} == set()


def test_the_lists_of_exceptions_only_get_shorter() -> None:
    """An exception that has a unit test by now, or whose module is gone, is deleted from the list."""
    without = missing()
    assert {item for item in (*WITHOUT_LOGIC, *ELSEWHERE) if not any(name.startswith(item) for name in without)} == set()


def test_every_unit_test_lies_where_its_subject_does() -> None:
    """The name of a unit test is that of a module, or of a package, of the same path."""
    lost = set()
    for path in UNIT.rglob("test_*.py"):
        name = path.relative_to(UNIT)
        subject = path.name.removeprefix("test_")
        bases = (PACKAGE, ROOT / "tests", ROOT)
        found = any((base / name.parent / item).exists() for base in bases for item in (subject, subject.removesuffix(".py")))
        if not found and name.as_posix() not in SUBJECTS:
            lost.add(name.as_posix())
    assert lost == set()


def test_every_test_says_its_rule() -> None:
    """In a docstring of one line."""
    assert [name for name, test in cases() if "\n" in (ast.get_docstring(test) or "\n")] == []


def test_every_test_can_fail() -> None:
    """There is an assertion in each, or a call of what has one."""
    assert [name for name, test in cases() if not can_fail(test)] == []


def test_no_test_is_the_library_of_another() -> None:
    """What two tests share lies in tests/support."""
    # Only a file that has such a name anywhere is worth a syntax tree.
    paths = [path for path in sorted((ROOT / "tests").rglob("*.py")) if ".test_" in source.text_of(path)]
    imports = [
        (path, node.module or "") for path in paths for node in ast.walk(source.tree_of(path)) if isinstance(node, ast.ImportFrom)
    ]
    assert [(path, name) for path, name in imports if name.startswith("tests.") and ".test_" in name] == []
