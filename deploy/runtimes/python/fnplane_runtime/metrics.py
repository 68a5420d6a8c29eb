"""Counters of one process life, in whole numbers, as Prometheus text. Touched by the server's own thread only."""

import json
import os

#: Upper bounds of the duration histogram in seconds; the same in the three runtimes.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_BUCKETS_NS = tuple(round(bound * 1_000_000_000) for bound in BUCKETS)


def _uuid4():
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Metrics:
    def __init__(self):
        self.instance = _uuid4()
        self.invocations = 0
        self._requests = {}
        self._billed_ms = 0
        self._request_bytes = 0
        self._response_bytes = 0
        self._duration_ns = 0
        self._counts = [0] * (len(BUCKETS) + 1)

    def count_request(self, status):
        self._requests[status] = self._requests.get(status, 0) + 1

    def count_invocation(self, duration_ns, request_bytes, response_bytes):
        """Adds one run of the handler; billed time is rounded up to a full millisecond."""
        self.invocations += 1
        self._billed_ms += max(1, -(-duration_ns // 1_000_000))
        self._request_bytes += request_bytes
        self._response_bytes += response_bytes
        self._duration_ns += duration_ns
        index = 0
        while index < len(_BUCKETS_NS) and duration_ns > _BUCKETS_NS[index]:
            index += 1
        self._counts[index] += 1

    def text(self, in_flight):
        lines = [
            "# HELP function_instance_info Names this life of the process.",
            "# TYPE function_instance_info gauge",
            f'function_instance_info{{instance="{self.instance}"}} 1',
            "# HELP http_requests_total Answers by status code, but for /healthz and /metrics.",
            "# TYPE http_requests_total counter",
        ]
        lines += [f'http_requests_total{{status="{status}"}} {count}' for status, count in sorted(self._requests.items())]
        for name, help_text, value in (
            ("function_invocations_total", "Runs of the handler that have ended.", self.invocations),
            ("function_billed_ms_total", "Handler time in ms, each run rounded up.", self._billed_ms),
            ("function_request_bytes_total", "Body bytes of requests that ran the handler.", self._request_bytes),
            ("function_response_bytes_total", "Body bytes of their answers.", self._response_bytes),
        ):
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} counter", f"{name} {value}"]
        lines += [
            "# HELP function_in_flight Requests being run or waiting for a slot.",
            "# TYPE function_in_flight gauge",
            f"function_in_flight {in_flight}",
            "# HELP function_duration_seconds Time in the handler.",
            "# TYPE function_duration_seconds histogram",
        ]
        total = 0
        for bound, count in zip((*BUCKETS, "+Inf"), self._counts):
            total += count
            lines.append(f'function_duration_seconds_bucket{{le="{bound}"}} {total}')
        seconds, rest = divmod(self._duration_ns, 1_000_000_000)
        lines += [f"function_duration_seconds_sum {seconds}.{rest:09d}", f"function_duration_seconds_count {self.invocations}"]
        return "\n".join(lines) + "\n"

    def termination_message(self):
        """The last totals as the platform reads them from the pod's status."""
        totals = {
            "invocations": self.invocations,
            "billedMs": self._billed_ms,
            "requestBytes": self._request_bytes,
            "responseBytes": self._response_bytes,
        }
        return json.dumps({"fnplane": 1, "instance": self.instance, "totals": totals}, separators=(",", ":"))


def new_id():
    """A random UUID for requests that bring none."""
    return _uuid4()
