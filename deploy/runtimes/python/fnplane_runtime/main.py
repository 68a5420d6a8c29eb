"""Start and end of the process: settings, handler, listener; SIGTERM, last totals, exit."""

import asyncio
import os
import signal
import socket
import sys

from .invoker import Invoker
from .loader import LoadFailure, load_handler
from .logs import capture_output, platform_line
from .metrics import Metrics
from .server import Server
from .settings import LINGER_SECONDS, Settings


def _listener(host, port):
    """All addresses of both families where IPv6 exists, or the one `host` names."""
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
    else:
        family, host = (socket.AF_INET6, "::") if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6") else (socket.AF_INET, "0.0.0.0")
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((host, port))
    return listener


def _leave(code):
    """Ends at once: handlers that hang on other threads are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)


def _write_termination_log(path, message):
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(message)
    except OSError as error:
        platform_line("error", f"the last totals could not be written: {error}")


async def _drain(server, listening, settings):
    """Stops accepting, lets what runs finish within the grace, closes connections."""
    server.draining = True
    listening.close()
    loop = server.loop
    changed = asyncio.Event()
    server.on_answered = changed.set
    end = loop.time() + settings.grace_seconds
    if any(connection.idle for connection in server.connections):
        await asyncio.sleep(min(LINGER_SECONDS, settings.grace_seconds))
    for connection in list(server.connections):
        connection.close_if_idle()
    while server.invoker.busy and loop.time() < end:
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), end - loop.time())
        except TimeoutError:
            break
    if server.invoker.busy:
        platform_line("error", f"{server.invoker.busy} requests were cut off at the end of the grace period")
        server.invoker.expire_all()
    # One more turn of the loop, so that the last answers leave.
    flush_end = loop.time() + 1
    while server.connections and loop.time() < flush_end:
        for connection in list(server.connections):
            connection.close_if_idle()
        await asyncio.sleep(0.005)


def _on_stop(loop, callback):
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, callback)


async def _serve(settings, handler, pool=None):
    """`pool`: what listened until now; it hands its listener and connections over."""
    loop = asyncio.get_running_loop()
    metrics = Metrics()
    invoker = Invoker(handler, settings, metrics, loop)
    server = Server(settings, metrics, invoker, loop)
    stop = asyncio.Event()
    _on_stop(loop, stop.set)
    if pool is None:
        listening = await loop.create_server(server.protocol, sock=_listener(settings.host, settings.port), backlog=1024)
    else:
        listening = pool.hand_over(server)
    server.sweep()
    port = listening.sockets[0].getsockname()[1]
    platform_line("info", "serving", function=settings.served_by, port=port)
    await stop.wait()
    await _drain(server, listening, settings)
    _write_termination_log(settings.termination_log, metrics.termination_message())


async def _stand_ready(settings, token):
    """Waits in the pool until it is told what to become; `None` when it was stopped first."""
    from .pool import Pool

    loop = asyncio.get_running_loop()
    pool = Pool(token, loop)
    _on_stop(loop, pool.stop)
    pool.listening = await loop.create_server(pool.protocol, sock=_listener(settings.host, settings.port), backlog=1024)
    platform_line("info", "ready in the pool", port=pool.listening.sockets[0].getsockname()[1])
    return pool if await pool.chosen else None


def _serve_from_pool(runner, token):
    pool = runner.run(_stand_ready(_settings(), token))
    if pool is None:
        _leave(0)
    # Between two turns of the loop, so that modules are imported as in a normal start: on the main thread, with no loop running. Requests wait meanwhile.
    try:
        pool.install(_settings())
        settings = Settings()
        handler = load_handler(settings.handler, settings.code_folder)
    except (LoadFailure, ValueError, OSError) as failure:
        runner.run(pool.fail(str(failure)))
        _fail(str(failure))
    runner.run(_serve(settings, handler, pool))


def _fail(text):
    print(text, file=sys.stderr)
    _leave(1)


def _settings():
    try:
        return Settings()
    except ValueError as error:
        _fail(str(error))


def main():
    sys.stdout.reconfigure(line_buffering=True)
    capture_output()
    pooled, token = os.environ.pop("FNPLANE_POOL", ""), os.environ.pop("FNPLANE_POOL_TOKEN", "")
    settings = _settings()
    with asyncio.Runner() as runner:
        try:
            if pooled == "1":
                _serve_from_pool(runner, token)
            else:
                try:
                    handler = load_handler(settings.handler, settings.code_folder)
                except LoadFailure as failure:
                    _fail(str(failure))
                runner.run(_serve(settings, handler))
        except OSError as error:
            _fail(f"cannot listen on port {settings.port}: {error}")
        _leave(0)
