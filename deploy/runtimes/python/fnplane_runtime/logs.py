"""JSON lines on standard output and error. Lines the handler prints itself are left as they are."""

import json
import sys
import time


def _now():
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1_000_000:03d}Z"


def write_line(stream, level, message, fields):
    """Writes one JSON line in a single call, so that lines of several threads never mix. A closed stream is ignored."""
    line = {"time": _now(), "level": level, "message": message}
    line.update(fields)
    try:
        stream.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
        stream.flush()
    except (OSError, ValueError):
        pass


def platform_line(level, message, **fields):
    """A line of the runtime itself, on standard error."""
    write_line(sys.stderr, level, message, fields)


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
        write_line(sys.stdout, level, text, {**fields, **self._fields})
