/** Where the probe shall send packets, and how. */
export interface ProbeTarget {
  name: string;
  kind: 'tcp' | 'udp' | 'http' | 'resolve';
  host: string;
  port: number;
}

export interface ProbeResult {
  name: string;
  /**
   * `connected`: it answered. `refused`: something there answered that it will not talk, so packets got through.
   * `silent`: nothing came back. `unreachable`: a router said no. `unresolved`: the name has no address.
   */
  outcome: 'connected' | 'refused' | 'silent' | 'unreachable' | 'unresolved';
  detail: string;
}

/** Source of a function that sends real packets to all targets of its payload at once, and tells what came back. */
export const PROBE = `import errno
import http.client
import socket
import threading

PATIENCE = 2


def attempt(target):
    host, port, kind = target["host"], int(target["port"]), target["kind"]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    if kind == "resolve":
        return "connected", found[0][4][0]
    family, type_, protocol, _, address = found[0]
    if kind == "http":
        connection = http.client.HTTPConnection(address[0], port, timeout=PATIENCE)
        connection.request("GET", "/healthz", headers={"host": host})
        return "connected", str(connection.getresponse().status)
    with socket.socket(family, type_, protocol) as opened:
        opened.settimeout(PATIENCE)
        opened.connect(address)
        if kind == "udp":
            opened.send(b"ping")
            return "connected", opened.recv(64).decode()
    return "connected", address[0]


def look(target):
    try:
        return attempt(target)
    except socket.gaierror as problem:
        return "unresolved", str(problem)
    except TimeoutError as problem:
        return "silent", str(problem)
    except ConnectionError as problem:
        return "refused", str(problem)
    except OSError as problem:
        return ("unreachable" if problem.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPERM) else "refused"), str(problem)


def default_gateway():
    with open("/proc/net/route") as table:
        for line in table:
            _, destination, gateway = line.split()[:3]
            if destination == "00000000" and gateway != "00000000":
                return socket.inet_ntoa(bytes.fromhex(gateway)[::-1])
    return None


def handle(event, context):
    data = event["data"] or {}
    if data.get("routes"):
        return {"gateway": default_gateway()}
    results = []
    threads = []
    for target in data["targets"]:
        def run(target=target):
            outcome, detail = look(target)
            results.append({"name": target["name"], "outcome": outcome, "detail": detail})
        threads.append(threading.Thread(target=run))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
`;
