"""A long way on loopback: what goes through it arrives later by half a round trip, in each direction.

`python benchmarks/delay.py MILLISECONDS HOST:PORT ...` prints one port for each address, and forwards until its stdin ends.
The first bytes of a connection wait for a round trip more, which is that of TCP's handshake.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import cast


class End(asyncio.Protocol):
    """One side of a connection; what it reads is written to the other side when its time has come."""

    def __init__(self, delay: float, first: float) -> None:
        self.delay = delay
        self.opens = asyncio.get_running_loop().time() + first
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self.coming: deque[tuple[float, bytes]] = deque()
        """What has arrived here and not yet there; empty bytes are the end."""
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and write what has come before it was there."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Let it travel."""
        loop = asyncio.get_running_loop()
        self.coming.append((max(loop.time(), self.opens) + self.delay, data))
        self._wait(loop)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Let the end travel, too."""
        self.data_received(b"")

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.coming and not self.waiting:
            self.waiting = True
            loop.call_at(self.coming[0][0], self.arrive)

    def arrive(self) -> None:
        """Write to the other side what is due there."""
        self.waiting = False
        loop = asyncio.get_running_loop()
        if self.other is None:
            return
        there = self.other.transport
        while there and self.coming and self.coming[0][0] <= loop.time():
            _, data = self.coming.popleft()
            if data:
                there.write(data)
            else:
                there.close()
        self._wait(loop)


async def forward(delay: float, host: str, port: int) -> int:
    """Forward to one address; return the port to ask at."""
    loop = asyncio.get_running_loop()

    def accept() -> End:
        near = End(delay, 2 * delay)

        async def connect() -> None:
            _, far = await loop.create_connection(lambda: End(delay, 0.0), host, port)
            near.other, far.other = far, near
            near.arrive()

        tasks.add(loop.create_task(connect()))
        return near

    tasks: set[asyncio.Task[None]] = set()
    server = await loop.create_server(accept, "127.0.0.1", 0)
    servers.append(server)
    return int(server.sockets[0].getsockname()[1])


servers: list[asyncio.Server] = []


async def main() -> None:
    """Forward until stdin ends."""
    delay = float(sys.argv[1]) / 2000
    for address in sys.argv[2:]:
        host, _, port = address.rpartition(":")
        print(await forward(delay, host, int(port)), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
