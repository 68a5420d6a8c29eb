"""Connections and answers: HTTP/1.1 with keep-alive on an asyncio loop that never runs the tenant's code."""

import asyncio
import re
import time

from .answer import Answer, error_answer
from .event import RefusedRequest, build_event
from .http1 import HttpError, RequestParser, head_bytes
from .invoker import Call, Context
from .metrics import new_id
from .settings import HEAD_SECONDS, IDLE_SECONDS, MAX_BODY_BYTES, REQUEST_SECONDS, SPECIALIZE_PATH

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")
_READ_AHEAD = 64 * 1024


class Connection:
    """asyncio protocol of one client. One request at a time; what is sent ahead waits in the parser."""

    def __init__(self, server):
        self._server = server
        self._parser = RequestParser(server.max_body)
        self._transport = None
        self._request = None
        self._call = None
        self._request_id = ""
        self._closing = False
        self._writable = True
        self._paused = False
        self._since = time.monotonic()

    def connection_made(self, transport):
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, _error):
        self._server.connections.discard(self)
        self._closing = True
        if self._call is not None and self._server.invoker.abandon(self._call):
            self._server.count(499)

    def move_to(self, server):
        """Goes on with another server: what comes from now on is its business."""
        self._server = server
        self._parser.max_body = server.max_body

    def eof_received(self):
        return False

    def pause_writing(self):
        self._writable = False

    def resume_writing(self):
        self._writable = True
        self._advance()

    def data_received(self, data):
        if self._closing:
            return
        if self._parser.idle and self._request is None:
            self._since = time.monotonic()
        self._parser.feed(data)
        if self._request is None:
            self._advance()
        elif self._parser.buffered > _READ_AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    @property
    def idle(self):
        return self._request is None and self._parser.idle

    def close_if_idle(self):
        if self.idle:
            self._transport.close()

    def check_age(self, now):
        """Ends a connection that stays idle, or takes for its headers or body, for too long."""
        if self._request is not None or self._transport is None:
            return
        age = now - self._since
        limit = IDLE_SECONDS if self._parser.idle else HEAD_SECONDS if self._parser._request is None else REQUEST_SECONDS
        if age > limit:
            self._transport.abort()

    def _advance(self):
        while self._request is None and self._writable and not self._closing:
            try:
                request = self._parser.next()
            except HttpError as error:
                self._refuse(error)
                return
            if request is None:
                if self._parser.wants_continue:
                    self._parser.wants_continue = False
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                if self._paused:
                    self._paused = False
                    self._transport.resume_reading()
                return
            self._request = request
            self._server.handle(self, request)

    def _refuse(self, error):
        self._server.count(error.status)
        self._request_id = new_id()
        answer = error_answer(error.status, "RequestRefused", str(error), "platform")
        self._closing = True
        self._write(answer, "GET", False, [("x-request-id", self._request_id)])
        # What the client still sends is read and dropped for a moment: closing at once could destroy the answer on its way.
        self._transport.write_eof()
        self._server.loop.call_later(1, self._transport.abort)

    def waits_for(self, call):
        self._call = call

    def answer(self, answer, headers):
        """Sends the answer to the request at hand and goes on to the next."""
        request, self._request, self._call = self._request, None, None
        if self._transport.is_closing():
            return
        keep_alive = request.keep_alive and not self._server.draining
        self._write(answer, request.method, keep_alive, headers)
        self._since = time.monotonic()
        if not keep_alive:
            self._closing = True
            self._transport.close()

    def resume(self):
        """Takes up what came while a request was at work."""
        if not self._closing:
            self._advance()

    async def flushed(self, seconds):
        """Waits until what was answered has left the process, or the time is over."""
        end = self._server.loop.time() + seconds
        while self._transport.get_write_buffer_size() and self._server.loop.time() < end:
            await asyncio.sleep(0.005)

    def _write(self, answer, method, keep_alive, headers):
        lines = [*answer.headers, *headers]
        if answer.status not in (204, 304):
            lines.append(("content-length", len(answer.body)))
        if not keep_alive:
            lines.append(("connection", "close"))
        head = head_bytes(answer.status, lines)
        self._transport.write(head if method == "HEAD" else head + answer.body)


class Server:
    max_body = MAX_BODY_BYTES

    def __init__(self, settings, metrics, invoker, loop):
        self.settings = settings
        self.metrics = metrics
        self.invoker = invoker
        self.loop = loop
        self.connections = set()
        self.draining = False
        #: Specialized out of a warm pool: the path of specialization is the platform's, not the handler's.
        self.pooled = False
        #: Called whenever a request has been answered; the shutdown waits on it.
        self.on_answered = lambda: None

    def protocol(self):
        return Connection(self)

    def count(self, status):
        self.metrics.count_request(status)

    def sweep(self):
        now = time.monotonic()
        for connection in list(self.connections):
            connection.check_age(now)
        self.loop.call_later(5, self.sweep)

    def handle(self, connection, request):
        path = request.target.partition("?")[0]
        if path in ("/healthz", "/metrics"):
            connection.answer(self._own(path, request.method), ())
            return
        if self.pooled and path == SPECIALIZE_PATH:
            connection.answer(error_answer(409, "AlreadySpecialized", f"This instance serves {self.settings.served_by} already.", "platform"), ())
            return
        request_id = request.headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = new_id()
        try:
            event = build_event(request, request_id)
        except RefusedRequest as error:
            self._send(connection, request_id, error_answer(error.status, error.error_type, str(error), "platform"))
            return
        body_bytes = len(request.body)
        method = request.method

        def done(answer, ran_ns):
            if ran_ns is not None:
                response_bytes = 0 if method == "HEAD" else len(answer.body)
                self.metrics.count_invocation(ran_ns, body_bytes, response_bytes)
            self._send(connection, request_id, answer)
            connection.resume()

        call = Call(event, Context(self.settings, request_id, request.headers), body_bytes, _caller_deadline(request.headers), done)
        refused = self.invoker.submit(call)
        if refused is not None:
            self._send(connection, request_id, refused)
            return
        connection.waits_for(call)

    def _send(self, connection, request_id, answer):
        self.count(answer.status)
        connection.answer(answer, (("x-request-id", request_id), ("x-fnplane-served-by", self.settings.served_by)))
        self.on_answered()

    def _own(self, path, method):
        if method not in ("GET", "HEAD"):
            return error_answer(405, "MethodNotAllowed", f"{path} answers GET only.", "platform", [("allow", "GET, HEAD")])
        if path == "/metrics":
            return Answer(200, [("content-type", "text/plain; version=0.0.4; charset=utf-8")], self.metrics.text(self.invoker.busy).encode())
        if self.invoker.stuck:
            return Answer(503, [("content-type", "text/plain")], b"every slot is held by a handler that ran out of time\n")
        return Answer(200, [("content-type", "text/plain")], b"ok\n")


def _caller_deadline(headers):
    """`x-fnplane-deadline` (Unix ms) on the monotonic clock; a value that is no number is ignored."""
    text = headers.get("x-fnplane-deadline", "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    return time.monotonic() + int(text) / 1000 - time.time()
