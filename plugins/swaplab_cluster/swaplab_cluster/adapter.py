"""ssh through fabric: connections and sessions. Threads, sockets and the untyped libraries stay here.

One connection per machine carries all of its sessions; a further one is opened only when the machine's sshd may allow
no more (its MaxSessions is 10 by default). fabric makes the connections; sessions use its transport directly, because
`Connection.run` keeps everything that is printed in memory, and an engine prints for weeks.

Who a machine is, is pinned: an unknown host key and a changed one are both refused (fabric by itself accepts any).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fabric
import paramiko
from attrs import define, field

from swaplab_cluster.host_keys import changed_key_advice, fingerprint
from swaplab_cluster.sessions import Session, SshReach
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import NodeError
from swaplab_core.plugin import Sink

MOST_THREADS = 24
SESSIONS_PER_CONNECTION = 8
OPEN_SECONDS = 10.0
LOST_AFTER_SECONDS = 6
KEEPALIVE_SECONDS = 2
CHUNK = 32 * 1024


@define(eq=False)
class FabricSessions:
    """The real `Sessions`. Use it from one event loop; `close` it in the end."""

    _pool: ThreadPoolExecutor = field(
        factory=lambda: ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="swaplab-ssh")
    )
    _links: dict[SshReach, list[_Link]] = field(factory=dict)
    _opening: dict[SshReach, asyncio.Task[_Link]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        # paramiko logs a traceback for every host that does not answer; we say it in one sentence
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:
        """Run a command line over a connection that is there, or a new one."""
        link = await self._link(reach)
        link.sessions += 1
        session = _ChannelSession(self._in_thread, stdout, stderr)
        try:
            session.channel = await self._in_thread(lambda: _open(link.transport, line, stdin))
        except (paramiko.SSHException, OSError, EOFError) as error:
            link.sessions -= 1
            raise NodeError(f"{reach.name}: no session could be opened: {_words(error)}", advice=_TRY_AGAIN) from error
        except asyncio.CancelledError:
            link.sessions -= 1
            raise
        session.begin(link.leave)
        return session

    async def close(self) -> None:
        """Close all connections."""
        links = [link for links in self._links.values() for link in links]
        self._links.clear()
        for link in links:
            await self._in_thread(link.close)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def _link(self, reach: SshReach) -> _Link:
        """A connection with room; all who wait for one machine wait for the same attempt."""
        alive = [link for link in self._links.get(reach, ()) if link.transport.is_active()]
        self._links[reach] = alive
        for link in alive:
            if link.sessions < SESSIONS_PER_CONNECTION:
                return link
        if reach not in self._opening:
            self._opening[reach] = spawn(self._connect(reach), name=f"connect to {reach.name}")
            self._opening[reach].add_done_callback(lambda _: self._opening.pop(reach, None))
        return await asyncio.shield(self._opening[reach])

    async def _connect(self, reach: SshReach) -> _Link:
        link: _Link = await self._in_thread(lambda: _connect(reach))
        self._links.setdefault(reach, []).append(link)
        return link


@define(eq=False)
class _Link:
    """One connection and how many sessions it carries."""

    connection: Any
    transport: paramiko.Transport
    sessions: int = 0

    def leave(self) -> None:
        self.sessions -= 1

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self.connection.close()


@define(eq=False)
class _ChannelSession:
    """A session on a channel. A thread of its own reads each stream: engines are few, and reading may block."""

    _in_thread: Callable[[Callable[[], Any]], Any]
    _stdout: Sink
    _stderr: Sink
    channel: paramiko.Channel = field(init=False)
    _done: asyncio.Future[int | None] = field(init=False)
    _heard: bool = True

    def begin(self, leave: Callable[[], None]) -> None:
        """Listen; `leave` is called when it has ended."""
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()

        def tell(sink: Sink, chunk: bytes) -> None:
            if self._heard:
                sink(chunk)

        def end(code: int | None) -> None:
            leave()
            if not self._done.done():
                self._done.set_result(code)

        def pump(read: Callable[[int], bytes], sink: Sink) -> None:
            while chunk := _read(read):
                loop.call_soon_threadsafe(tell, sink, chunk)

        def run() -> None:
            errors = threading.Thread(target=pump, args=(self.channel.recv_stderr, self._stderr), daemon=True)
            errors.start()
            pump(self.channel.recv, self._stdout)
            errors.join()
            code = self.channel.recv_exit_status()
            self.channel.close()
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody listens
                loop.call_soon_threadsafe(end, None if code < 0 else code)

        threading.Thread(target=run, name="swaplab-ssh-session", daemon=True).start()

    async def send(self, data: bytes) -> None:
        """Write to its input."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            await self._in_thread(lambda: self.channel.sendall(data))

    async def wait(self) -> int | None:
        """Return when it has ended."""
        return await asyncio.shield(self._done)

    async def close(self) -> None:
        """Cut it off."""
        self._heard = False
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            await self._in_thread(self.channel.close)


def _read(read: Callable[[int], bytes]) -> bytes:
    try:
        return read(CHUNK)
    except (OSError, EOFError, paramiko.SSHException):
        return b""


def _open(transport: paramiko.Transport, line: str, stdin: bytes) -> paramiko.Channel:
    channel = transport.open_session(timeout=OPEN_SECONDS)
    try:
        channel.settimeout(OPEN_SECONDS)
        channel.exec_command(line.encode())
        channel.settimeout(None)
        channel.sendall(stdin)
    except BaseException:
        channel.close()
        raise
    return channel


def _connect(reach: SshReach) -> _Link:
    """Open a connection, in a thread. Raises NodeError."""
    connection = _fabric_connection(reach)
    client: paramiko.SSHClient = connection.client
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    if reach.known_hosts.is_file():
        client.load_host_keys(str(reach.known_hosts))
    try:
        connection.open()
    except paramiko.BadHostKeyException as error:
        raise NodeError(
            f"{reach.name}: the host key of {reach.host} has changed: it is {fingerprint(error.key.asbytes())}, "
            f"pinned is {fingerprint(error.expected_key.asbytes())}",
            advice=changed_key_advice(reach.name),
        ) from error
    except paramiko.AuthenticationException as error:
        raise NodeError(
            f"{reach.name}: {reach.host} does not let {reach.user or 'us'} in: {_words(error)}",
            advice="put the public key of the account that runs swaplab into ~/.ssh/authorized_keys there",
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _unreachable(reach, error) from error
    transport = client.get_transport()
    assert transport is not None, "an open connection has one"
    _notice_loss(transport)
    return _Link(connection, transport)


def _fabric_connection(reach: SshReach) -> Any:
    config = fabric.Config(overrides={"load_ssh_configs": reach.use_ssh_config})
    keywords: dict[str, Any] = {
        "banner_timeout": reach.connect_seconds,
        "auth_timeout": reach.connect_seconds,
        "channel_timeout": reach.connect_seconds,
    }
    if reach.identity:
        keywords |= {"key_filename": reach.identity, "look_for_keys": False, "allow_agent": False}
    return fabric.Connection(
        reach.host,
        user=reach.user or None,
        port=reach.port,
        config=config,
        connect_timeout=reach.connect_seconds,
        connect_kwargs=keywords,
        forward_agent=False,
    )


def _unreachable(reach: SshReach, error: BaseException) -> NodeError:
    where = f"{reach.host} port {reach.port}"
    if isinstance(error, paramiko.SSHException) and "not found in known_hosts" in str(error):
        return NodeError(
            f"{reach.name}: the host key of {where} is not pinned",
            advice="enrol the node: its page shows the fingerprint to compare",
        )
    if isinstance(error, (TimeoutError, paramiko.SSHException, EOFError)):
        return NodeError(f"{reach.name}: {where} does not answer: {_words(error)}", advice=_LOOK)
    if isinstance(error, socket.gaierror):
        return NodeError(
            f"{reach.name}: the name {reach.host} leads nowhere", advice="mend control_ip in the inventory"
        )
    return NodeError(f"{reach.name}: {where} cannot be reached: {_words(error)}", advice=_LOOK)


_LOOK = "see that the machine is up, and that sshd listens there"
_TRY_AGAIN = "try again; the Cluster page tells how the machine is"


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _notice_loss(transport: paramiko.Transport) -> None:
    """Let the kernel give up a connection on which nothing is confirmed any more; keepalives see that there is some."""
    transport.set_keepalive(KEEPALIVE_SECONDS)
    sock = transport.sock
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_AFTER_SECONDS * 1000)
