"""Runs the handler: slots, waiting line, deadlines. Everything but the handler itself happens on the server's thread."""

import _queue
import threading
import time
from collections import OrderedDict

from .answer import error_answer, raised_answer, returned_answer
from .logs import Logger, Printed, platform_line
from .settings import MAX_THREADS, MAX_WAITING, MAX_WAITING_BYTES


class Context:
    """Second argument of every handler."""

    __slots__ = ("request_id", "function", "revision", "tenant", "traceparent", "tracestate", "logger", "_deadline", "_deadline_ms")

    def __init__(self, settings, request_id, headers):
        self.request_id = request_id
        self.function = settings.function
        self.revision = settings.revision
        self.tenant = settings.tenant
        self.traceparent = headers.get("traceparent")
        self.tracestate = headers.get("tracestate")
        self.logger = Logger({"requestId": request_id, "function": settings.function, "revision": settings.revision})
        self._deadline = 0.0
        self._deadline_ms = 0

    def _start(self, seconds):
        self._deadline = time.monotonic() + seconds
        self._deadline_ms = int((time.time() + seconds) * 1000)

    @property
    def deadline(self):
        """When the caller is told that time is over, as an aware `datetime`."""
        import datetime

        return datetime.datetime.fromtimestamp(self._deadline_ms / 1000, datetime.timezone.utc)

    def remaining_ms(self):
        """Milliseconds left until the deadline, never negative."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Call:
    """One request on its way: waiting -> running -> answered; `released` once its slot is free again."""

    __slots__ = ("event", "context", "request_bytes", "caller_deadline", "answer", "timer", "allowed", "started", "gone", "answered", "task")

    def __init__(self, event, context, request_bytes, caller_deadline, answer):
        self.event = event
        self.context = context
        self.request_bytes = request_bytes
        #: `time.monotonic` seconds, or None.
        self.caller_deadline = caller_deadline
        #: Called once, on the server's thread, with (`Answer`, handler ran for ns or None).
        self.answer = answer
        self.timer = None
        #: Seconds it may run.
        self.allowed = 0.0
        self.started = None
        self.gone = False
        self.answered = False
        self.task = None


class _Threads:
    """Daemon threads made as they are needed and kept; one that hangs never keeps the process from ending."""

    def __init__(self, limit, work):
        self._limit = limit
        self._work = work
        self._queue = _queue.SimpleQueue()
        self._count = 0

    def put(self, item, busy):
        """Hands over `item`; `busy` is the number of items handed over and not finished, this one included."""
        if self._count < min(busy, self._limit):
            self._count += 1
            threading.Thread(target=self._run, daemon=True).start()
        self._queue.put(item)

    def _run(self):
        while True:
            item = self._queue.get()
            self._work(item)
            del item


class _HandlerLoop:
    """Event loop of `async` handlers, on its own thread: a handler that blocks it cannot block the server."""

    def __init__(self):
        self._loop = None

    def submit(self, function):
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._loop.call_soon_threadsafe(function, self._loop)


class Invoker:
    def __init__(self, handler, settings, metrics, loop):
        import inspect

        self._handler = handler
        self._settings = settings
        self._metrics = metrics
        self._loop = loop
        self._is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))
        self._slots = settings.concurrency or (0 if self._is_async else MAX_THREADS)
        self._threads = _Threads(self._slots or MAX_THREADS, self._run_plain)
        self._handler_loop = _HandlerLoop()
        self._waiting = OrderedDict()
        self._waiting_bytes = 0
        self._occupied = 0
        self._running = set()

    @property
    def stuck(self):
        """Every slot is held by a handler that went on beyond its deadline: only a restart helps."""
        return self._slots > 0 and self._occupied >= self._slots and not self._running

    @property
    def busy(self):
        return len(self._running) + len(self._waiting)

    def submit(self, call):
        """Starts `call` or lets it wait. Returns an `Answer` when it is refused instead."""
        now = time.monotonic()
        if call.caller_deadline is not None and call.caller_deadline <= now:
            return error_answer(504, "Timeout", "The caller's deadline had passed before the function could start.", "platform")
        if self._slots == 0 or self._occupied < self._slots:
            self._start(call, now)
            return None
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + call.request_bytes > MAX_WAITING_BYTES:
            return error_answer(503, "Overloaded", "Too many requests wait for this instance already.", "platform", [("retry-after", "1")])
        seconds = self._settings.timeout_ms / 1000
        if call.caller_deadline is not None:
            seconds = min(seconds, call.caller_deadline - now)
        self._waiting[call] = None
        self._waiting_bytes += call.request_bytes
        call.timer = self._loop.call_later(seconds, self._wait_over, call)
        return None

    def abandon(self, call):
        """The caller hung up: a waiting call is dropped, a running one goes on. True when it was dropped."""
        if call.started is not None or call.gone:
            return False
        self._leave_line(call)
        return True

    def expire_all(self):
        """Ends every wait and every run as if its time were over."""
        for call in list(self._waiting):
            self._wait_over(call)
        for call in list(self._running):
            self._time_over(call)

    def _leave_line(self, call):
        call.gone = True
        del self._waiting[call]
        self._waiting_bytes -= call.request_bytes
        call.timer.cancel()

    def _wait_over(self, call):
        if call.gone or call.started is not None:
            return
        self._leave_line(call)
        call.answered = True
        call.answer(error_answer(504, "Timeout", "No slot became free in time; the function did not run.", "platform"), None)

    def _start(self, call, now):
        seconds = self._settings.timeout_ms / 1000
        if call.caller_deadline is not None:
            seconds = min(seconds, call.caller_deadline - now)
        if call.timer is not None:
            call.timer.cancel()
        self._occupied += 1
        self._running.add(call)
        call.context._start(seconds)
        call.started = time.perf_counter_ns()
        call.allowed = seconds
        call.timer = self._loop.call_later(seconds, self._time_over, call)
        if self._is_async:
            self._handler_loop.submit(lambda loop: self._run_async(call, loop, None))
        else:
            self._threads.put(call, self._occupied)

    def _time_over(self, call):
        if call.answered:
            return
        # The thread may have begun a moment after the timer: the time that was allowed has passed all the same.
        ran = max(time.perf_counter_ns() - call.started, round(call.allowed * 1e9))
        self._finish(call, error_answer(504, "Timeout", f"The function did not finish within {ran // 1_000_000} ms.", "handler"), ran)
        platform_line("error", "handler ran out of time", requestId=call.context.request_id, ms=ran // 1_000_000)
        task = call.task
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    def _finish(self, call, answer, ran):
        if call.answered:
            return
        call.answered = True
        call.timer.cancel()
        self._running.discard(call)
        call.answer(answer, ran)

    def _release(self):
        """A handler has truly ended: its slot goes to the next in line."""
        self._occupied -= 1
        if self._waiting:
            call, _ = self._waiting.popitem(last=False)
            self._waiting_bytes -= call.request_bytes
            self._start(call, time.monotonic())

    def _ended(self, call, answer, ran):
        self._finish(call, answer, ran)
        self._release()

    # Below: on a handler's thread.

    def _report(self, call, answer, ran):
        try:
            self._loop.call_soon_threadsafe(self._ended, call, answer, ran)
        except RuntimeError:
            pass  # the server's loop has closed: nobody waits for the answer

    def _run_plain(self, call):
        call.started = time.perf_counter_ns()
        try:
            with Printed(call.context.request_id):
                value = self._handler(call.event, call.context)
        except BaseException as error:  # noqa: BLE001 - SystemExit of a handler must not end the thread
            self._fail(call, error, time.perf_counter_ns() - call.started)
            return
        if hasattr(value, "__await__"):
            self._handler_loop.submit(lambda loop: self._run_async(call, loop, value))
            return
        self._convert(call, value, time.perf_counter_ns() - call.started)

    def _run_async(self, call, loop, awaitable):
        call.task = loop.create_task(self._await(call, awaitable))

    async def _await(self, call, awaitable):
        if awaitable is None:
            call.started = time.perf_counter_ns()
        try:
            with Printed(call.context.request_id):
                value = await (self._handler(call.event, call.context) if awaitable is None else awaitable)
        except BaseException as error:  # noqa: BLE001
            self._fail(call, error, time.perf_counter_ns() - call.started)
            return
        self._convert(call, value, time.perf_counter_ns() - call.started)

    def _convert(self, call, value, ran):
        try:
            answer = returned_answer(value)
        except Exception as error:  # noqa: BLE001 - e.g. a value without a JSON form
            self._fail(call, error, ran)
            return
        self._report(call, answer, ran)

    def _fail(self, call, error, ran):
        if not call.answered:
            import traceback

            stack = "".join(traceback.format_exception(error))
            platform_line("error", f"handler raised {type(error).__name__}: {error}", requestId=call.context.request_id, stack=stack)
        self._report(call, raised_answer(error), ran)
