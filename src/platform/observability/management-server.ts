import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Listen } from '../config/config.js';
import { registry } from './metrics.js';

/** What a role says of itself: `null` when it is ready, otherwise why not. */
export interface HealthSource {
  name: string;
  notReady(): Promise<string | null> | string | null;
}

export interface ManagementRequest {
  headers: IncomingHttpHeaders;
  /** Parsed JSON; undefined without a body. */
  body: unknown;
  /** Aborted when whoever asked went away. */
  signal: AbortSignal;
}

/** Answers a POST; `body` becomes JSON. It must see to it itself who may ask. */
export type ManagementAction = (request: ManagementRequest) => Promise<{ status: number; body?: unknown }>;

interface Answer {
  status: number;
  type: string;
  body: string;
}

/** Longest body of a POST. */
const MAX_BYTES = 16 * 1024;
const TEXT = 'text/plain';
const JSON_TYPE = 'application/json';

/**
 * Health and metrics of the process, apart from the ports that tenants reach: `/livez`, `/readyz`, `/metrics`, and what
 * roles add (the gateway's `/internal/usage` and `/internal/load`).
 */
export class ManagementServer {
  private readonly server: Server;
  private readonly sources: HealthSource[] = [];
  private readonly documents = new Map<string, () => unknown>();
  private readonly actions = new Map<string, ManagementAction>();
  private stopping = false;

  constructor(private readonly listen: Listen) {
    this.server = createServer((request, response) => {
      this.answer(request).then(
        ({ status, type, body }) => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body),
        () => response.headersSent || response.destroyed ? response.destroy() : response.writeHead(500).end(),
      );
    });
    this.server.requestTimeout = 10_000;
  }

  addHealth(source: HealthSource): void {
    this.sources.push(source);
  }

  /** Serves what `produce` returns as JSON at `path`. */
  addDocument(path: string, produce: () => unknown): void {
    this.documents.set(path, produce);
  }

  /** Has POSTs with a JSON body to `path` answered by `act`. */
  addAction(path: string, act: ManagementAction): void {
    this.actions.set(path, act);
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(this.listen.port, this.listen.host, () => resolve());
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on `/readyz` says no, so that balancers look elsewhere while the process drains. */
  drain(): void {
    this.stopping = true;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const path = (request.url ?? '').split('?', 1)[0]!;
    const action = this.actions.get(path);
    if (action) return request.method === 'POST' ? answerAction(request, action) : { status: 405, type: TEXT, body: 'only POST\n' };
    if (request.method !== 'GET') return { status: 405, type: TEXT, body: 'only GET\n' };
    if (path === '/livez') return { status: 200, type: TEXT, body: 'ok\n' };
    if (path === '/readyz') return this.readiness();
    if (path === '/metrics') return { status: 200, type: registry.contentType, body: await registry.metrics() };
    const document = this.documents.get(path);
    if (document) return { status: 200, type: JSON_TYPE, body: JSON.stringify(document()) };
    return { status: 404, type: TEXT, body: 'not found\n' };
  }

  private async readiness(): Promise<Answer> {
    const states = await Promise.all(this.sources.map(async (source) => ({ name: source.name, problem: await Promise.resolve(source.notReady()).catch(() => 'failed') })));
    const ready = !this.stopping && states.every((state) => state.problem === null);
    const lines = states.map((state) => `${state.problem === null ? '[+]' : '[-]'} ${state.name}${state.problem === null ? '' : `: ${state.problem}`}`);
    if (this.stopping) lines.push('[-] stopping');
    return { status: ready ? 200 : 503, type: 'text/plain', body: `${lines.join('\n')}\n` };
  }
}

async function answerAction(request: IncomingMessage, act: ManagementAction): Promise<Answer> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  request.socket.once('close', onClose);
  try {
    const text = await readBody(request);
    if (text === undefined) return { status: 413, type: TEXT, body: 'the body is too large\n' };
    const body = parseJson(text);
    if (body === NO_JSON) return { status: 400, type: TEXT, body: 'the body must be JSON\n' };
    const answer = await act({ headers: request.headers, body, signal: gone.signal });
    return { status: answer.status, type: JSON_TYPE, body: answer.body === undefined ? '' : JSON.stringify(answer.body) };
  } finally {
    request.socket.off('close', onClose);
  }
}

/** Undefined for one that is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BYTES) chunks.push(chunk);
  }
  return size > MAX_BYTES ? undefined : Buffer.concat(chunks).toString('utf8');
}

const NO_JSON = Symbol('no JSON');

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return NO_JSON;
  }
}
