"""A key that is sent to others is a public one."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.config.public_key import read_public_key
from migrator.errors import ConfigError

KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA/+ me@home",
    "ecdsa-sha2-nistp256 AAAA==",
    "sk-ssh-ed25519@openssh.com AAAA a comment of words",
    "ssh-rsa AAAA",
)


@pytest.mark.parametrize("key", KEYS)
def test_a_public_key_is_taken_as_it_is(tmp_path: Path, key: str) -> None:
    """Without the line break at its end."""
    (tmp_path / "id.pub").write_text(f"{key}\n")
    assert read_public_key(tmp_path / "id.pub", named="cloud.publicKey") == key


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n",
        "",
        "hunter2",
        f"{KEYS[0]}\n{KEYS[1]}\n",
        "---- BEGIN SSH2 PUBLIC KEY ----\nhunter2",
    ],
    ids=["a private key", "nothing", "a word", "two keys", "another form"],
)
def test_a_private_key_is_not_sent(tmp_path: Path, text: str) -> None:
    """One forgets `.pub` easily; the key would have gone to the cloud, and into Pulumi's state."""
    (tmp_path / "id").write_text(text)
    with pytest.raises(ConfigError, match=r"cloud\.publicKey: .*/id: holds no public SSH key") as caught:
        read_public_key(tmp_path / "id", named="cloud.publicKey")
    assert "hunter2" not in caught.value.message
