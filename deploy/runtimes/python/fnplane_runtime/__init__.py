"""Server inside Python function images: HTTP in, `handle(event, context)`, HTTP out (contract: deploy/runtimes/README.md)."""
