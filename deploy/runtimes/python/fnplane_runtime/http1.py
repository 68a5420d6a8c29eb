"""HTTP/1.1 requests out of bytes: strict about everything that two servers could read differently."""

import re

from .settings import MAX_BODY_BYTES, MAX_HEAD_BYTES

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n\x00]*)?")

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
    307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
    504: "Gateway Timeout",
}


class HttpError(Exception):
    """The bytes are no request this server takes; the connection ends after the answer."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Request:
    __slots__ = ("method", "target", "headers", "body", "keep_alive")

    def __init__(self, method, target, headers, keep_alive):
        self.method = method
        self.target = target
        #: Lower-case names; repeated ones joined by a comma, cookies by a semicolon.
        self.headers = headers
        self.keep_alive = keep_alive
        self.body = b""


def _origin_form(target):
    """The path and query of a target, for proxies that send the whole address."""
    if target.startswith(("http://", "https://")):
        rest = target.partition("://")[2]
        cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
        target = rest[cut:]
        if not target.startswith("/"):
            target = "/" + target
    return target


def _parse_headers(lines):
    headers = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None or _BAD_VALUE.search(match[2]):
            raise HttpError(400, "A header line is malformed.")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name == "content-length" and headers[name] != value or name == "host":
            raise HttpError(400, f"The header {name} came twice.")
        elif name != "content-length":
            headers[name] += ("; " if name == "cookie" else ", ") + value
    return headers


class RequestParser:
    """`feed` bytes, then ask `next` until it gives `None`. `HttpError` leaves the parser unusable."""

    def __init__(self, max_body=MAX_BODY_BYTES):
        self.max_body = max_body
        self._buffer = bytearray()
        self._scanned = 0
        self._request = None
        self._length = 0
        self._chunks = None
        self._body_bytes = 0
        self._in_trailers = False
        #: The sender waits for `100 Continue`.
        self.wants_continue = False

    @property
    def idle(self):
        """Nothing of a next request has come."""
        return self._request is None and not self._buffer

    @property
    def buffered(self):
        return len(self._buffer)

    def feed(self, data):
        self._buffer += data

    def next(self):
        """The next whole request, or `None` while bytes of it are missing."""
        if self._request is None and not self._read_head():
            return None
        if self._chunks is not None:
            if not self._read_chunks():
                return None
            body = b"".join(self._chunks)
        else:
            if len(self._buffer) < self._length:
                return None
            body = bytes(self._buffer[: self._length])
            del self._buffer[: self._length]
        request = self._request
        request.body = body
        self._request = self._chunks = None
        self._scanned = 0
        self.wants_continue = False
        return request

    def _read_head(self):
        buffer = self._buffer
        while self._scanned == 0 and buffer[:2] == b"\r\n":
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if (len(buffer) if end < 0 else end) > MAX_HEAD_BYTES:
            raise HttpError(431, "The headers are too large.")
        if end < 0:
            self._scanned = len(buffer)
            return False
        lines = bytes(buffer[:end]).split(b"\r\n")
        del buffer[: end + 4]
        match = _REQUEST_LINE.fullmatch(lines[0])
        if match is None:
            raise HttpError(400, "The request line is malformed.")
        headers = _parse_headers(lines[1:])
        version_11 = match[3] == b"1"
        if version_11 and "host" not in headers:
            raise HttpError(400, "The header host is missing.")
        tokens = [token.strip().lower() for token in headers.get("connection", "").split(",")]
        keep_alive = version_11 and "close" not in tokens
        self._request = Request(match[1].decode("ascii"), _origin_form(match[2].decode("ascii")), headers, keep_alive)
        self._start_body(headers, version_11)
        return True

    def _start_body(self, headers, version_11):
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        self._chunks = None
        self._length = self._body_bytes = 0
        self._in_trailers = False
        if coding is not None:
            if length is not None or not version_11:
                raise HttpError(400, "transfer-encoding and content-length exclude each other.")
            if coding.lower() != "chunked":
                raise HttpError(501, "Only the transfer-encoding chunked is supported.")
            self._chunks = []
        elif length is not None:
            if not length.isascii() or not length.isdigit():
                raise HttpError(400, "content-length is not a number.")
            self._length = int(length) if len(length) < 20 else self.max_body + 1
            if self._length > self.max_body:
                raise HttpError(413, f"The body is larger than {self.max_body} bytes.")
        self.wants_continue = version_11 and headers.get("expect", "").lower() == "100-continue"

    def _read_chunks(self):
        buffer = self._buffer
        while True:
            end = buffer.find(b"\r\n", 0, MAX_HEAD_BYTES)
            if end < 0:
                if len(buffer) >= MAX_HEAD_BYTES:
                    raise HttpError(400, "A chunk header is too long.")
                return False
            if self._in_trailers:
                self._body_bytes += end
                if self._body_bytes > self.max_body + MAX_HEAD_BYTES:
                    raise HttpError(431, "The trailers are too large.")
                del buffer[: end + 2]
                if end == 0:
                    return True
                continue
            match = _CHUNK_SIZE.fullmatch(bytes(buffer[:end]))
            if match is None:
                raise HttpError(400, "A chunk header is malformed.")
            size = int(match[1], 16)
            if size == 0:
                del buffer[: end + 2]
                self._in_trailers = True
                continue
            if self._body_bytes + size > self.max_body:
                raise HttpError(413, f"The body is larger than {self.max_body} bytes.")
            if len(buffer) < end + 2 + size + 2:
                return False
            if buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise HttpError(400, "A chunk does not end where it says.")
            self._chunks.append(bytes(buffer[end + 2 : end + 2 + size]))
            self._body_bytes += size
            del buffer[: end + 4 + size]


def head_bytes(status, headers):
    """Status line and headers of an answer."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
