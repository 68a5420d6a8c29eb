"""What a handler returned or raised, as an HTTP answer."""

import binascii
import json
import re

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESPONSE_KEYS = frozenset(("statusCode", "headers", "body", "isBase64"))
#: Set by the server alone; a handler's own values are dropped.
_SERVER_HEADERS = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "trailer", "x-request-id"))
#: What a handler answers a CloudEvent with.
_EVENT_KEYS = frozenset(("cloudevent", "data"))
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json(?: *;.*)?", re.IGNORECASE)
_MESSAGE_LIMIT = 2000

JSON = "application/json"


class InvalidResponse(Exception):
    """The handler returned something that is no answer: its author's error, so a 500 with source `handler`."""


class Answer:
    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status = status
        #: Pairs; a name may come more than once.
        self.headers = headers
        self.body = body


def error_answer(status, error_type, message, source, extra=()):
    body = json.dumps({"error": {"type": error_type, "message": message[:_MESSAGE_LIMIT]}}).encode()
    return Answer(status, [("content-type", JSON), ("x-fnplane-error-source", source), *extra], body)


def raised_answer(error):
    """Type and message of what the handler raised; the stack goes to the log only."""
    return error_answer(500, type(error).__name__, str(error), "handler")


def _more_types(value):
    """Values of the standard library that have one obvious JSON form."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ in ("Decimal", "UUID") and type(value).__module__ in ("decimal", "uuid"):
        return str(value)
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        import dataclasses

        return dataclasses.asdict(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def _json(value):
    return json.dumps(value, default=_more_types, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _header_pairs(headers):
    if not isinstance(headers, dict):
        raise InvalidResponse("headers is not an object")
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise InvalidResponse(f"{name!r} is no header name")
        lower = name.lower()
        if lower in _SERVER_HEADERS or lower.startswith("x-fnplane-"):
            continue
        for one in value if isinstance(value, (list, tuple)) else (value,):
            text = str(one)
            if _BAD_VALUE.search(text) or not text.isascii():
                raise InvalidResponse(f"header {name} has a value that HTTP does not allow")
            yield lower, text


def _response(value):
    status = value["statusCode"]
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResponse(f"statusCode is {status!r}, not a whole number from 200 to 599")
    headers = list(_header_pairs(value.get("headers") or {}))
    body = value.get("body")
    if body is None:
        content, kind = b"", None
    elif isinstance(body, (bytes, bytearray, memoryview)):
        content, kind = bytes(body), "application/octet-stream"
    elif isinstance(body, str) and value.get("isBase64") is True:
        try:
            content, kind = binascii.a2b_base64(body, strict_mode=True), "application/octet-stream"
        except ValueError:
            raise InvalidResponse("isBase64 is set, but body is not base64") from None
    elif isinstance(body, str):
        content, kind = body.encode("utf-8"), "text/plain; charset=utf-8"
    else:
        content, kind = _json(body), JSON
    if status in (204, 304):
        content, kind = b"", None
    if kind and all(name != "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    return Answer(status, headers, content)


def _attribute_text(name, value):
    if not _ATTRIBUTE.fullmatch(name) or name == "data":
        raise InvalidResponse(f"{name!r} is no name of a CloudEvent's attribute")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int)):
        raise InvalidResponse(f"the attribute {name} of the CloudEvent is neither text, whole number nor boolean")
    from urllib.parse import quote

    return quote(str(value), safe="!#$&'()*+,/:;<=>?@[\\]^_`{|}~")


def _cloudevent(attributes, data):
    """Binary mode: attributes as header fields, the data as the body."""
    attributes = {"specversion": "1.0", **{name: value for name, value in attributes.items() if value is not None}}
    for name in ("id", "source", "type"):
        if not isinstance(attributes.get(name), str) or attributes[name] == "":
            raise InvalidResponse(f"the CloudEvent has no {name}")
    kind = attributes.pop("datacontenttype", None)
    headers = [(f"ce-{name}", _attribute_text(name, value)) for name, value in attributes.items()]
    if isinstance(data, (bytes, bytearray, memoryview)):
        content, default = bytes(data), "application/octet-stream"
    elif isinstance(data, str) and kind and not _JSON_TYPE.fullmatch(kind):
        content, default = data.encode("utf-8"), None
    else:
        content, default = (b"" if data is None else _json(data)), (None if data is None else JSON)
    if kind or default:
        headers.extend(_header_pairs({"content-type": kind or default}))
    return Answer(200, headers, content)


def returned_answer(value):
    """
    `None` is 204, bytes are a raw body, a dict with `statusCode` and no keys but `headers`, `body`, `isBase64` is an answer
    of its own, one with a `cloudevent` and no keys but `data` is a CloudEvent, anything else is JSON. Raises what the conversion raises.
    """
    if value is None:
        return Answer(204, [], b"")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Answer(200, [("content-type", "application/octet-stream")], bytes(value))
    if isinstance(value, dict) and "statusCode" in value and _RESPONSE_KEYS.issuperset(value):
        return _response(value)
    if isinstance(value, dict) and isinstance(value.get("cloudevent"), dict) and _EVENT_KEYS.issuperset(value):
        return _cloudevent(value["cloudevent"], value.get("data"))
    return Answer(200, [("content-type", JSON)], _json(value))
