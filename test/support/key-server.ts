import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on loopback that answers JSON and remembers what it was asked: an issuer's key set, or a trap that nobody may ask. */
export class KeyServer {
  readonly requests: string[] = [];
  private server: Server | undefined;
  private port = 0;

  /** @param answer the document of a path; undefined is 404. A function of node's own kind takes over the answer altogether. */
  constructor(public answer: (path: string) => unknown = () => undefined, public handle?: (request: IncomingMessage, response: ServerResponse) => void) {}

  /** Listens, after {@link stop} at the same address again. */
  async start(): Promise<this> {
    this.server = createServer((request, response) => {
      this.requests.push(request.url!);
      if (this.handle) return this.handle(request, response);
      const body = this.answer(request.url!);
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body ?? {}));
    });
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }
}
