"""What a name of a host must be, so that Python can ask for its address at all."""

from __future__ import annotations


def require_host(name: str) -> str:
    """Return a name or an address; raises ValueError for one that no resolver takes, such as `a..b`.

    socket.getaddrinfo raises UnicodeError for it, which is no OSError.
    """
    try:
        name.encode("idna")
    except UnicodeError:
        raise ValueError(f"{name!r} is not a name of a host: a part of it is empty, or longer than 63 characters") from None
    return name
