"""`migrator proof verify`."""

from __future__ import annotations

import json
from pathlib import Path

from migrator.volumes.agent.compare import root_digest, totals
from migrator.volumes.agent.entries import to_lines
from migrator.volumes.proof import make_proof
from tests.support.command_line import run
from tests.support.volume_trees import entry, root


def test_a_proof_is_verified_without_a_migration(tmp_path: Path) -> None:
    """No file, journal or cluster is asked; exit code 3 for one that does not hold."""
    entries = [root(), entry(b"a")]
    digest = root_digest(entries)
    head = {**totals(entries).document(), "root": {"source": digest, "target": digest}, "claim": "shop/data"}
    lines = "\n".join(to_lines(entries)).encode()
    good, bad = tmp_path / "good.gz", tmp_path / "bad.gz"
    good.write_bytes(make_proof(head, lines))
    bad.write_bytes(make_proof({**head, "entries": 3}, lines))
    code, out, _ = run("proof", "verify", str(good))
    assert (code, out.split(":")[0]) == (0, f"good {good}")
    code, out, _ = run("proof", "verify", "-o", "json", str(good), str(bad))
    assert code == 3
    assert [item["good"] for item in json.loads(out)] == [True, False]


def test_a_name_of_any_bytes_is_told_as_json(tmp_path: Path) -> None:
    """A file's name need not be UTF-8."""
    entries = [root(), entry(b"a\xff", digest="")]
    digest = root_digest(entries)
    head = {**totals(entries).document(), "root": {"source": digest, "target": digest}, "claim": "shop/data"}
    file = tmp_path / "proof.gz"
    file.write_bytes(make_proof(head, "\n".join(to_lines(entries)).encode()))
    code, out, _ = run("proof", "verify", "-o", "json", str(file))
    assert (code, json.loads(out)[0]["wrong"]) == (3, ["1 files have no digest: a\udcff"])
