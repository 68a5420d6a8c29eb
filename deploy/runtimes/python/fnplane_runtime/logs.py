"""JSON lines on standard output and error. What a handler prints during an invocation becomes one, with the request id; all else stays as it is."""

import contextvars
import json
import sys
import threading
import time

#: What the streams are below what handlers see.
_OUT, _ERR = sys.stdout, sys.stderr
#: Longest text without a newline that is held back.
_MOST_HELD = 64 * 1024
#: How the texts of `logging` begin.
_LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}

_running = contextvars.ContextVar("fnplane_invocation", default=None)


def _now():
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1_000_000:03d}Z"


def write_line(stream, level, message, fields):
    """Writes one JSON line in a single call, so that lines of several threads never mix. A closed stream is ignored."""
    line = {"time": _now(), "level": level, "message": message}
    line.update(fields)
    _write_text(stream, json.dumps(line, default=str, ensure_ascii=False))


def _write_text(stream, line):
    try:
        stream.write(line + "\n")
        stream.flush()
    except (OSError, ValueError):
        pass


def platform_line(level, message, **fields):
    """A line of the runtime itself, on standard error."""
    write_line(_ERR, level, message, fields)


class Printed:
    """What one invocation prints: a text is one line of JSON once it ends with a newline, however many lines it has."""

    __slots__ = ("_request_id", "_held", "_lock", "_token", "_ended")

    def __init__(self, request_id):
        self._request_id = request_id
        self._held = {_OUT: "", _ERR: ""}
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self):
        self._token = _running.set(self)
        return self

    def __exit__(self, *_):
        _running.reset(self._token)
        with self._lock:
            self._ended = True
            for stream in self._held:
                self._flush(stream)

    def add(self, stream, text):
        with self._lock:
            self._held[stream] += text
            if text.endswith("\n") or self._ended or len(self._held[stream]) > _MOST_HELD:
                self._flush(stream)

    def _flush(self, stream):
        text, self._held[stream] = self._held[stream].removesuffix("\n"), ""
        if not text:
            return
        own = _own_line(text)
        if own is not None:
            _write_text(stream, json.dumps({"requestId": self._request_id, **own}, ensure_ascii=False))
            return
        level = _LEVELS.get(text.partition(":")[0], "info" if stream is _OUT else "error")
        write_line(stream, level, text, {"requestId": self._request_id})


def _own_line(text):
    """A logger of the function's own may write JSON lines already: they only get the request id."""
    if not text.startswith("{") or "\n" in text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


class _Stream:
    """A stream of text that knows the invocation it is used in."""

    def __init__(self, plain):
        self._plain = plain

    def write(self, text):
        printed = _running.get()
        if printed is None or not isinstance(text, str):
            return self._plain.write(text)
        printed.add(self._plain, text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self._plain, name)

    def __iter__(self):
        return iter(self._plain)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.flush()


def capture_output():
    """From now on `print`, `sys.stdout` and `sys.stderr` know the invocation they are used in; handlers of `logging` made from now on, too."""
    sys.stdout, sys.stderr = _Stream(_OUT), _Stream(_ERR)


class Logger:
    """`context.logger`: `logger.info("reserved %d lines", 3, order="o-1")` writes one JSON line with the request id."""

    __slots__ = ("_fields",)

    def __init__(self, fields):
        self._fields = fields

    def debug(self, message, *args, **fields):
        self._write("debug", message, args, fields)

    def info(self, message, *args, **fields):
        self._write("info", message, args, fields)

    def warning(self, message, *args, **fields):
        self._write("warn", message, args, fields)

    def error(self, message, *args, **fields):
        self._write("error", message, args, fields)

    def exception(self, message, *args, **fields):
        """As `error`, with the stack of the exception being handled."""
        import traceback

        self._write("error", message, args, {**fields, "stack": traceback.format_exc()})

    def _write(self, level, message, args, fields):
        text = str(message)
        if args:
            try:
                text = text % args
            except (TypeError, ValueError):
                text = f"{text} {args!r}"
        write_line(_OUT, level, text, {**fields, **self._fields})
