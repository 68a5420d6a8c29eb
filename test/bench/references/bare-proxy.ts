import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { childReady, childSettings } from '../harness/child.ts';

export interface BareProxySettings {
  /** Where everything goes, e.g. `http://10.244.0.7:8080`. */
  origin: string;
}

/** The least a proxy can be: `node:http` and undici's dispatch. Passes everything on, knows nothing. */
function buildProxy(origin: string): (request: IncomingMessage, response: ServerResponse) => void {
  const pool = new Pool(origin, { connections: 256, pipelining: 1 });
  return (request, response) => {
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
    pool.dispatch({ path: request.url!, method: request.method!, headers: withoutConnection(request.rawHeaders), body: hasBody ? request : null }, answerTo(response));
  };
}

function withoutConnection(raw: string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name !== 'connection' && name !== 'keep-alive' && name !== 'transfer-encoding') headers.push(raw[i]!, raw[i + 1]!);
  }
  return headers;
}

function answerTo(response: ServerResponse): object {
  return {
    onRequestStart(): void {},
    onResponseStart(_controller: unknown, status: number, headers: Record<string, string>): void {
      delete headers.connection;
      delete headers['keep-alive'];
      response.writeHead(status, headers);
    },
    onResponseData(controller: { pause(): void; resume(): void }, chunk: Buffer): void {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd(): void {
      response.end();
    },
    onResponseError(): void {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}

const server = createServer(buildProxy(childSettings<BareProxySettings>().origin));
server.listen(0, '127.0.0.1', () => childReady((server.address() as AddressInfo).port));
