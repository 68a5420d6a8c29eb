"""What the platform tells the runtime through its environment, and the limits the three runtimes share."""

import os

#: Largest request body; larger ones are answered 413.
MAX_BODY_BYTES = 16 * 1024 * 1024
#: Largest specialization of an instance of a warm pool: code, environment and secret files together.
MAX_SPECIALIZATION_BYTES = 24 * 1024 * 1024
#: Where an instance of a warm pool is told what to become.
SPECIALIZE_PATH = "/.fnplane/specialize"
#: Largest request line plus headers; larger ones are answered 431.
MAX_HEAD_BYTES = 16 * 1024
#: Requests that may wait for a free slot, and the bytes their bodies may hold together; beyond either: 503.
MAX_WAITING = 1000
MAX_WAITING_BYTES = 32 * 1024 * 1024
#: Threads for plain (not `async`) handlers when concurrency is unlimited. A thread costs memory, so "unlimited" ends here and the rest waits.
MAX_THREADS = 200
#: A connection may stay idle, take for its headers, or take for a whole request this long (seconds).
IDLE_SECONDS = 120
HEAD_SECONDS = 30
REQUEST_SECONDS = 120
#: After SIGTERM, connections that are open but idle get this long (seconds) to bring a request that was already on its way.
LINGER_SECONDS = 0.25


def _integer(name, default, minimum):
    text = os.environ.get(name, "")
    if text == "":
        return default
    if not text.isascii() or not text.isdigit() or int(text) < minimum:
        raise ValueError(f'{name} is "{text}", not a whole number of at least {minimum}')
    return int(text)


class Settings:
    """One reading of the environment. `ValueError` when a value cannot be used."""

    __slots__ = (
        "port", "host", "tenant", "function", "revision", "handler", "timeout_ms", "concurrency", "grace_seconds", "code_folder", "secrets_folder", "termination_log", "served_by",
    )

    def __init__(self):
        env = os.environ
        self.port = _integer("PORT", 8080, 0)
        self.host = env.get("FNPLANE_HOST", "")
        self.tenant = env.get("FNPLANE_TENANT", "")
        self.function = env.get("FNPLANE_FUNCTION", "function")
        self.revision = _integer("FNPLANE_REVISION", 0, 0)
        self.handler = env.get("FNPLANE_HANDLER") or "handler.handle"
        self.timeout_ms = _integer("FNPLANE_TIMEOUT_MS", 30_000, 1)
        self.concurrency = _integer("FNPLANE_CONCURRENCY", 0, 0)
        self.grace_seconds = _integer("FNPLANE_GRACE_MS", 25_000, 0) / 1000
        self.code_folder = env.get("FNPLANE_CODE_FOLDER") or "/function"
        self.secrets_folder = env.get("FNPLANE_SECRETS_FOLDER") or "/var/run/secrets/fnplane"
        self.termination_log = env.get("FNPLANE_TERMINATION_LOG") or "/dev/termination-log"
        self.served_by = f"{self.function}@{self.revision}"
