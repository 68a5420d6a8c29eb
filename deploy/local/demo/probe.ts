/** Source of the probe function: opens a TCP connection to where the payload says, and tells what came of it. */
export const PROBE_SOURCE = `import socket


def handle(event, context):
    host, port = event["data"]["host"], int(event["data"]["port"])
    try:
        address = socket.gethostbyname(host)
    except OSError as problem:
        return {"connected": False, "detail": f"{host} cannot be resolved: {problem}"}
    try:
        with socket.create_connection((address, port), timeout=3):
            return {"connected": True, "detail": f"{host} ({address}) port {port} accepted the connection"}
    except OSError as problem:
        return {"connected": False, "detail": f"{host} ({address}) port {port}: {problem}"}
`;
