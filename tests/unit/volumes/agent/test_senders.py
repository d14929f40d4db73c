"""What becomes rsync's or tar's sender, and what does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migrator.volumes.agent import senders
from migrator.volumes.agent.entries import ROOT

GOOD = "rsync --server --sender -lHogDtpAXrSe.iLsfxCIvu --bwlimit=1000 --numeric-ids . /etc/"


def test_rsync_gets_this_folder_whatever_it_asks_for() -> None:
    """The path of the request is not used."""
    words = senders.rsync_command(GOOD.split(" "), "/srv/data")
    assert words == [
        "rsync",
        "--server",
        "--sender",
        "-lHogDtpAXrSe.iLsfxCIvu",
        "--bwlimit=1000",
        "--numeric-ids",
        ".",
        "/srv/data/",
    ]
    kept = "rsync --server --sender -blHogDtpAXrSe.iLsfxCIvu --backup-dir /x --numeric-ids . /"
    assert "--backup-dir" not in senders.rsync_command(kept.split(" "), "/srv/data")


@pytest.mark.parametrize(
    "asked",
    [
        "rsync --server -lHogDtpAXrSe.iLsfxCIvu . /",  # a receiver: it would write
        "rsync --server --sender -LHe.iLsfxCIvu . /",  # follows links out of the folder
        "rsync --server --sender -lke.iLsfxCIvu . /",
        "rsync --server --sender -le.iLsfxCIvu --remove-source-files . /",
        "rsync --server --sender -le.iLsfxCIvu --log-file=/etc/cron.d/x . /",
        "rsync --server --sender -le.iLsfxCIvu --write-batch=/etc/x . /",
        "rsync --server --sender -le.iLsfxCIvu . / /etc",
        "rsync --daemon",
    ],
)
def test_a_request_that_writes_or_leads_elsewhere_is_refused(asked: str) -> None:
    """Only what a sender needs is passed on."""
    with pytest.raises(senders.RefusedError):
        senders.rsync_command(asked.split(" "), "/srv/data")


def test_what_becomes_a_sender_loads_nothing_else_and_any_other_request_goes_on(tmp_path: Path) -> None:
    """A small board takes a second to load the rest, and a workload stands still."""
    script = (
        "import os, sys; from migrator.volumes.agent import main\n"
        "os.execvp = lambda name, words: sys.exit(f'{name}: {sorted(m for m in sys.modules if m.startswith(\"migrator.volumes.agent.\"))}')\n"
        "sys.exit(main.main(['serve', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={"SSH_ORIGINAL_COMMAND": "tar"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "tar: ['migrator.volumes.agent.main', 'migrator.volumes.agent.senders']\n"
    senders.become("session", str(tmp_path))


def test_a_stream_leaves_out_the_file_system_s_own_folder() -> None:
    """And nothing else; numbers instead of names, holes, ACLs and attributes are asked for."""
    words = senders.tar_command("/srv/data")
    assert words[:3] == ["tar", "-C", "/srv/data"]
    assert {"--xattrs", "--acls", "-S", "--numeric-owner", "--one-file-system", "--exclude=./lost+found"} <= set(words)
    assert ROOT.decode() == words[-1]
