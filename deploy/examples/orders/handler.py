"""Order events of an online shop: checks an order, works out its totals, reserves its stock and signs the event that follows."""

import hashlib
import hmac
import json
import os
import uuid
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

# Read once, at the start: a missing secret shows when the function is deployed, not when the first order comes.
SIGNING_KEY = os.environ["ORDER_SIGNING_KEY"].encode()
RESERVATION = timedelta(minutes=int(os.environ.get("RESERVATION_MINUTES", "30")))
SHIPPING = Decimal(os.environ.get("SHIPPING_COST", "4.90"))
FREE_SHIPPING_FROM = Decimal(os.environ.get("FREE_SHIPPING_FROM", "75.00"))

CENT = Decimal("0.01")
MOST_LINES = 200
NAMESPACE = uuid.UUID("6f1d2f5c-0c5e-4b57-9d0a-3f0f4c1f7e55")


def handle(event, context):
    cloudevent = event.cloudevent
    if cloudevent is None or cloudevent["type"] != "shop.order.placed":
        return refusal([{"pointer": "", "message": "expected a CloudEvent of type shop.order.placed"}])
    problems = order_problems(event.data)
    placed_at = parse_time(cloudevent.get("time"))
    if placed_at is None:
        problems.append({"pointer": "/time", "message": "the event needs its time, as RFC 3339"})
    if problems:
        context.logger.warning("order refused", order=event.id, problems=len(problems))
        return refusal(problems)

    order = event.data
    totals = order_totals(order)
    # From the event's id: a second delivery of the same event reserves the same thing, not another one.
    reservation = {
        "id": str(uuid.uuid5(NAMESPACE, cloudevent["source"] + "\n" + cloudevent["id"])),
        "orderId": order["orderId"],
        "expiresAt": (placed_at + RESERVATION).isoformat().replace("+00:00", "Z"),
        "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in order["lines"]],
    }
    context.logger.info("order %s reserved", order["orderId"], lines=len(order["lines"]), total=totals["total"])
    return {"reservation": reservation, "totals": totals, "next": signed(next_event(cloudevent, reservation, totals))}


def refusal(problems):
    return {"statusCode": 422, "body": {"errors": problems}}


def order_problems(order):
    """What is wrong with an order, each with a JSON pointer; empty when it can be fulfilled."""
    if not isinstance(order, dict):
        return [{"pointer": "", "message": "the event's data must be an object"}]
    problems = []

    def demand(holds, pointer, message):
        if not holds:
            problems.append({"pointer": pointer, "message": message})

    demand(text(order.get("orderId")), "/orderId", "must be a text")
    currency = order.get("currency")
    demand(text(currency) and len(currency) == 3 and currency.isalpha() and currency.isupper(), "/currency", "must be three capital letters")
    demand(discount(order) is not None, "/discountPercent", "must be a number from 0 to 100, as a text")
    lines = order.get("lines")
    if not isinstance(lines, list) or not 1 <= len(lines) <= MOST_LINES:
        problems.append({"pointer": "/lines", "message": f"must have 1 to {MOST_LINES} entries"})
        return problems
    for index, line in enumerate(lines):
        at = f"/lines/{index}"
        if not isinstance(line, dict):
            problems.append({"pointer": at, "message": "must be an object"})
            continue
        quantity, price = line.get("quantity"), amount(line.get("unitPrice"))
        demand(text(line.get("sku")), f"{at}/sku", "must be a text")
        demand(type(quantity) is int and 1 <= quantity <= 1000, f"{at}/quantity", "must be a whole number from 1 to 1000")
        demand(price is not None and price == price.quantize(CENT), f"{at}/unitPrice", 'must be an amount like "19.90", as a text')
    return problems


def text(value):
    return isinstance(value, str) and 0 < len(value) <= 200


def amount(value):
    """Amounts come as text: a JSON number would have passed through binary fractions on its way."""
    if not isinstance(value, str) or len(value) > 12:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number < 1_000_000 else None


def discount(order):
    percent = amount(order.get("discountPercent", "0"))
    return percent if percent is not None and percent <= 100 else None


def order_totals(order):
    goods = sum((amount(line["unitPrice"]) * line["quantity"] for line in order["lines"]), Decimal(0))
    off = (goods * discount(order) / 100).quantize(CENT, ROUND_HALF_UP)
    shipping = Decimal(0) if goods - off >= FREE_SHIPPING_FROM else SHIPPING
    parts = {"goods": goods, "discount": -off, "shipping": shipping, "total": goods - off + shipping}
    return {"currency": order["currency"], **{name: str(value.quantize(CENT)) for name, value in parts.items()}}


def parse_time(value):
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def next_event(cloudevent, reservation, totals):
    return {
        "specversion": "1.0",
        "id": reservation["id"],
        "source": "/functions/orders",
        "type": "shop.stock.reserved",
        "subject": reservation["orderId"],
        "time": cloudevent["time"],
        "datacontenttype": "application/json",
        "data": {"reservation": reservation, "totals": totals},
    }


def signed(event):
    """Adds `signature`: HMAC-SHA-256 over the event as JSON with sorted keys and no spaces."""
    canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return {**event, "signature": hmac.new(SIGNING_KEY, canonical, hashlib.sha256).hexdigest()}
