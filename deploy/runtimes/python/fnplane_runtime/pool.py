"""An instance of a warm pool: it runs, but has no function until the operator specializes it, once."""

import sys

#: Modules that a normally started instance has loaded by now as well.
_OF_EVERY_START = frozenset(sys.modules)

import binascii  # noqa: E402
import hmac  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import tarfile  # noqa: E402
import time  # noqa: E402
import urllib.parse  # noqa: E402, F401 - what the first request of a function would wait for
from io import BytesIO  # noqa: E402

from .answer import Answer, error_answer  # noqa: E402
from .server import Connection  # noqa: E402
from .settings import MAX_SPECIALIZATION_BYTES, SPECIALIZE_PATH  # noqa: E402

_TOKEN_LENGTH = 43
_CODE_PREFIX = "function/"
_FACTS = ("FNPLANE_TENANT", "FNPLANE_FUNCTION", "FNPLANE_REVISION", "FNPLANE_HANDLER", "FNPLANE_TIMEOUT_MS", "FNPLANE_CONCURRENCY")


def _inside(folder, name):
    """Path of `name` below `folder`. Nothing that is written may lie outside of it."""
    parts = name.split("/")
    if not name or name.startswith("/") or ".." in parts or "\0" in name:
        raise ValueError(f"{name!r} would lie outside of {folder}")
    return os.path.join(folder, *parts)


def _write(path, content, mode):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)


def _unpack_code(layer, folder):
    """The image layer's folder `function`, as it would lie in an image of its own."""
    with tarfile.open(fileobj=BytesIO(layer)) as archive:
        for member in archive:
            if not member.name.startswith(_CODE_PREFIX):
                continue
            path = _inside(folder, member.name[len(_CODE_PREFIX) :])
            if member.isreg():
                _write(path, archive.extractfile(member).read(), member.mode & 0o555)
            elif member.isdir():
                os.makedirs(path, mode=0o755, exist_ok=True)
            elif member.issym():
                os.symlink(member.linkname, path)


def _forget_shadowing_modules(folder):
    """Own files go before the standard library: what the pool has loaded beyond a normal start must not stand in their way."""
    own = {name.partition(".")[0] for name in os.listdir(folder)}
    for name in list(sys.modules):
        if name not in _OF_EVERY_START and name.partition(".")[0] in own and not name.startswith("fnplane_runtime"):
            del sys.modules[name]


class Pool:
    """Takes the server's place until then: answers /healthz, takes one specialization, refuses all else."""

    max_body = MAX_SPECIALIZATION_BYTES

    def __init__(self, token, loop):
        if len(token) != _TOKEN_LENGTH:
            raise ValueError("FNPLANE_POOL_TOKEN is not a token of 256 bits")
        self.loop = loop
        self.connections = set()
        self.draining = False
        self.listening = None
        #: True once an order has come, False when the instance was stopped first.
        self.chosen = loop.create_future()
        self._token = token.encode()
        self._order = b""
        self._caller = None
        self._server = None

    def protocol(self):
        return Connection(self._server or self)

    def count(self, _status):
        """A refused request is nobody's yet."""

    def stop(self):
        if not self.chosen.done():
            self.chosen.set_result(False)

    def handle(self, connection, request):
        path = request.target.partition("?")[0]
        if path == "/healthz" and request.method in ("GET", "HEAD"):
            connection.answer(Answer(200, [("content-type", "text/plain")], b"ok\n"), ())
        elif path == SPECIALIZE_PATH and request.method == "POST":
            self._take(connection, request)
        else:
            connection.answer(error_answer(503, "NotSpecialized", "This instance has no function yet.", "platform", [("retry-after", "1")]), ())

    def _take(self, connection, request):
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(given.encode("latin-1"), self._token):
            connection.answer(error_answer(401, "Unauthorized", "The token is missing or wrong.", "platform"), ())
        elif self.chosen.done():
            connection.answer(error_answer(409, "AlreadySpecialized", "This instance is taken already.", "platform"), ())
        else:
            self._order = request.body
            self._caller = connection
            self.chosen.set_result(True)

    def install(self, settings):
        """Code, secret files and environment of the order. `ValueError` or `OSError` where it cannot be carried out."""
        try:
            self._carry_out(settings)
        except (KeyError, TypeError, AttributeError, tarfile.TarError) as error:
            raise ValueError(f"the specialization cannot be read: {error!r}") from None

    def _carry_out(self, settings):
        order, self._order, self._token = self._order, b"", b""
        length = int.from_bytes(order[:4], "big")
        if len(order) < 4 + length:
            raise ValueError("the specialization is cut off")
        head = json.loads(order[4 : 4 + length])
        _unpack_code(memoryview(order)[4 + length :], settings.code_folder)
        for name, content in head["secretFiles"].items():
            _write(_inside(settings.secrets_folder, name), binascii.a2b_base64(content), 0o440)
        os.environ.update(head["environment"])
        os.environ.update({name: head["facts"][name] for name in _FACTS})
        time.tzset()
        _forget_shadowing_modules(settings.code_folder)

    async def fail(self, words):
        """Tells the caller why there is no function; the instance ends after it."""
        self._caller.answer(error_answer(422, "StartupFailed", words, "platform"), ())
        await self._caller.flushed(1)

    def hand_over(self, server):
        """All connections go on with `server`, and the caller hears that it serves."""
        self._server = server
        server.pooled = True
        server.connections = self.connections
        for connection in self.connections:
            connection.move_to(server)
        body = json.dumps({"function": server.settings.served_by}).encode()
        self._caller.answer(Answer(200, [("content-type", "application/json")], body), ())
        self._caller.resume()
        self._caller = None
        return self.listening
