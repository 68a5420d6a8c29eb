"""The handler all three runtimes are tested with: the path says what to do."""

import asyncio
import base64
import json
import logging
import os
import sys
import time
import traceback
from decimal import Decimal

logging.basicConfig()
print("outside of an invocation")


def handle(event, context):
    return _answers[event.path](event, context)


async def handle_async(event, context):
    if event.path == "/sleep":
        await asyncio.sleep(int(event.query["ms"]) / 1000)
        return {"slept": int(event.query["ms"])}
    return handle(event, context)


class OrderError(Exception):
    pass


def _raise(event, context):
    raise OrderError("no such order")


def _sleep(event, context):
    time.sleep(int(event.query["ms"]) / 1000)
    return {"slept": int(event.query["ms"])}


def _log(event, context):
    print("plain line")
    context.logger.info("structured line", order="o-1")
    return {"logged": True}


def _print(event, context):
    sys.stdout.write("in two ")
    sys.stdout.write("parts\n")
    print("first\n  at second")
    logging.getLogger("orders").warning("careful")
    print("".join(traceback.format_exception(OrderError("told to"))), file=sys.stderr)
    print(json.dumps({"message": "own json", "level": "debug"}))
    print("without an end", end="")
    return {"printed": True}


def _context(event, context):
    return {
        "requestId": context.request_id,
        "function": context.function,
        "revision": context.revision,
        "tenant": context.tenant,
        "traceparent": context.traceparent,
        "remainingMs": context.remaining_ms(),
        "deadline": int(context.deadline.timestamp() * 1000),
    }


def _response(event, context):
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "text/csv", "X-Extra": ["a", "b"], "Connection": "upgrade", "X-Fnplane-Served-By": "forged"},
        "body": "a,b\n",
    }


_answers = {
    "/echo": lambda event, context: event,
    "/body": lambda event, context: event.body,
    "/event": lambda event, context: {"cloudevent": event.cloudevent, "data": event.data if event.data is not None else event.body or None},
    "/bad-event": lambda event, context: {"cloudevent": {"id": "x", "type": "t"}},
    "/bytes": lambda event, context: b"\x00\x01\xff",
    "/string": lambda event, context: 'grüße <"&">',
    "/number": lambda event, context: 42,
    "/list": lambda event, context: [1, None, True],
    "/none": lambda event, context: None,
    "/decimal": lambda event, context: {"total": Decimal("10.20")},
    "/response": _response,
    "/json-response": lambda event, context: {"statusCode": 422, "body": {"wrong": True}},
    "/raw-response": lambda event, context: {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": base64.b64encode(b"\x89PNG").decode(), "isBase64": True},
    "/no-body-response": lambda event, context: {"statusCode": 202},
    "/not-a-response": lambda event, context: {"statusCode": 202, "order": "o-1"},
    "/bad-status": lambda event, context: {"statusCode": 99},
    "/bad-header": lambda event, context: {"statusCode": 200, "headers": {"x-a": "b\r\nx-c: d"}},
    "/unserialisable": lambda event, context: {"value": object()},
    "/raise": _raise,
    "/sleep": _sleep,
    "/log": _log,
    "/print": _print,
    "/context": _context,
    "/environment": lambda event, context: {"greeting": os.environ.get("GREETING")},
    "/pool-environment": lambda event, context: {"pool": os.environ.get("FNPLANE_POOL_TOKEN", os.environ.get("FNPLANE_POOL"))},
}
