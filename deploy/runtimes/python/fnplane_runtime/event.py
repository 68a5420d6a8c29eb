"""A request as the handler sees it: plain HTTP, or CloudEvents 1.0 in binary or structured mode."""

import binascii
import json
import re

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json")
#: Headers of one hop: no handler's business.
_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade", "expect"))
_CLOUDEVENT_REQUIRED = ("id", "source", "type")
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
#: RFC 3339, as CloudEvents demand it of `time`.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CLOUDEVENT_TEXT = ("subject", "time", "datacontenttype", "dataschema")


class RefusedRequest(Exception):
    """The request cannot become an event: answered with `status` by the platform, the handler does not run."""

    def __init__(self, status, error_type, message):
        super().__init__(message)
        self.status = status
        self.error_type = error_type


class Event(dict):
    """
    Keys `id`, `method`, `path`, `query`, `rawQuery`, `headers`, `data`, `cloudevent`, also readable as attributes.
    `event.body` is the data as bytes; it is no key, so that an event can be returned or logged as JSON.
    """

    __slots__ = ("body",)

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"event has no {name!r}") from None


def media_type(content_type):
    return content_type.partition(";")[0].strip().lower()


def is_json(kind):
    return _JSON_TYPE.fullmatch(kind) is not None


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse_json(body):
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedRequest(400, "InvalidJson", f"The body is not valid JSON: {error}") from None


def _data(kind, body, encoded):
    """JSON becomes a value, `text/*` a string; anything else stays bytes in `event.body`."""
    if not body or encoded:
        return None
    if is_json(kind):
        return parse_json(body)
    if kind.startswith("text/"):
        return body.decode("utf-8", "replace")
    return None


def _query(raw):
    values = {}
    if raw:
        from urllib.parse import unquote_plus

        for part in raw.split("&"):
            if part:
                name, _, value = part.partition("=")
                values.setdefault(unquote_plus(name), unquote_plus(value))
    return values


def _bad_cloudevent(message):
    return RefusedRequest(400, "InvalidCloudEvent", message)


def _check_cloudevent(attributes):
    for name in attributes:
        if not _ATTRIBUTE.fullmatch(name):
            raise _bad_cloudevent(f'The attribute name {json.dumps(name)} has other characters than a-z and 0-9.')
    version = attributes.get("specversion")
    if version != "1.0":
        raise _bad_cloudevent(f"specversion is {json.dumps(version)}; this runtime reads 1.0.")
    for name in _CLOUDEVENT_REQUIRED:
        if not isinstance(attributes.get(name), str) or attributes[name] == "":
            raise _bad_cloudevent(f'The attribute "{name}" is missing or empty.')
    for name in _CLOUDEVENT_TEXT:
        if name in attributes and not isinstance(attributes[name], str):
            raise _bad_cloudevent(f'The attribute "{name}" is not a string.')
    if "time" in attributes and not _TIME.fullmatch(attributes["time"]):
        raise _bad_cloudevent('The attribute "time" is no RFC 3339 time.')
    return attributes


def _binary(headers):
    attributes = {}
    for name, value in headers.items():
        if name.startswith("ce-"):
            if "%" in value:
                from urllib.parse import unquote

                value = unquote(value)
            attributes[name[3:]] = value
    if headers.get("content-type"):
        attributes["datacontenttype"] = headers["content-type"]
    return _check_cloudevent(attributes)


def _structured(event, body):
    envelope = parse_json(body)
    if not isinstance(envelope, dict):
        raise _bad_cloudevent("The body is not a JSON object.")
    if envelope.get("data_base64") is not None and envelope.get("data") is not None:
        raise _bad_cloudevent("data and data_base64 exclude each other.")
    attributes = {
        name: value for name, value in envelope.items() if name not in ("data", "data_base64") and value is not None
    }
    event["cloudevent"] = _check_cloudevent(attributes)
    kind = media_type(attributes.get("datacontenttype", ""))
    encoded = envelope.get("data_base64")
    if encoded is not None:
        try:
            event.body = binascii.a2b_base64(encoded, strict_mode=True)
        except (TypeError, ValueError):
            raise _bad_cloudevent("data_base64 is not base64.") from None
        event["data"] = _data(kind, event.body, False)
        return
    data = envelope.get("data")
    event["data"] = data
    if isinstance(data, str) and kind and not is_json(kind):
        event.body = data.encode("utf-8", "surrogatepass")
    elif data is None:
        event.body = b""
    else:
        event.body = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def build_event(request, request_id):
    """`Request` to `Event`; raises `RefusedRequest` (400, 415) for what no handler should see."""
    path, _, raw_query = request.target.partition("?")
    headers = {name: value for name, value in request.headers.items() if name not in _HOP}
    event = Event(
        id=request_id, method=request.method, path=path, query=_query(raw_query), rawQuery=raw_query, headers=headers, data=None, cloudevent=None
    )
    event.body = request.body
    kind = media_type(headers.get("content-type", ""))
    if kind == "application/cloudevents+json":
        _structured(event, request.body)
    elif kind.startswith("application/cloudevents"):
        raise RefusedRequest(415, "UnsupportedMediaType", f"{kind} is not supported: send one event a request, as application/cloudevents+json or in binary mode.")
    else:
        if "ce-specversion" in headers:
            event["cloudevent"] = _binary(headers)
        event["data"] = _data(kind, request.body, headers.get("content-encoding", "identity").lower() != "identity")
    if event["cloudevent"] is not None:
        event["id"] = event["cloudevent"]["id"]
    return event
