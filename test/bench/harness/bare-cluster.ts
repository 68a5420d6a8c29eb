import { Agent, type Dispatcher } from 'undici';
import { compiled } from './compiled.ts';

/** As the API server gives it. */
export interface ClusterObject {
  apiVersion?: string;
  kind?: string;
  metadata: { name: string; namespace?: string; uid?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the benchmarks read and write objects of every kind
  [field: string]: any;
}

const TIMEOUT_MS = 30_000;
const PAGE = 500;

/** A script's way to an API server: undici and nothing else. The reference that the platform's own work is measured against. */
export class BareCluster {
  readonly #agent: Agent;
  readonly #origin: string;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  private constructor(agent: Agent, origin: string, base: string, headers: Record<string, string>) {
    this.#agent = agent;
    this.#origin = origin;
    this.#base = base;
    this.#headers = headers;
  }

  static async open(kubeconfig: string): Promise<BareCluster> {
    const { loadClusterAccess } = await compiled<typeof import('../../../src/platform/kubernetes/kubeconfig.js')>('platform/kubernetes/kubeconfig.js');
    const access = await loadClusterAccess({ kind: 'file', path: kubeconfig });
    const { headers, tls } = await access.credentials();
    const agent = new Agent({ allowH2: true, connect: { ...tls, timeout: TIMEOUT_MS } });
    return new BareCluster(agent, access.origin, access.basePath, headers);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** @throws on any status from 300 but 404, which is null */
  async find(path: string): Promise<ClusterObject | null> {
    const { status, text } = await this.#send('GET', path);
    if (status === 404) return null;
    return read(`GET ${path}`, status, text);
  }

  async get(path: string): Promise<ClusterObject> {
    const found = await this.find(path);
    if (!found) throw new Error(`GET ${path}: 404`);
    return found;
  }

  async list(path: string, labelSelector: string): Promise<ClusterObject[]> {
    const items: ClusterObject[] = [];
    let next = '';
    do {
      const query = new URLSearchParams({ labelSelector, limit: String(PAGE), ...(next ? { continue: next } : {}) });
      const page = await this.get(`${path}?${query.toString()}`);
      items.push(...((page.items as ClusterObject[] | null) ?? []));
      next = (page.metadata as { continue?: string }).continue ?? '';
    } while (next !== '');
    return items;
  }

  /** Server-side apply. */
  async apply(path: string, object: object): Promise<ClusterObject> {
    const { status, text } = await this.#send('PATCH', `${path}?fieldManager=bench&force=true`, JSON.stringify(object), 'application/apply-patch+yaml');
    return read(`apply ${path}`, status, text);
  }

  async delete(path: string): Promise<void> {
    const { status, text } = await this.#send('DELETE', path, JSON.stringify({ propagationPolicy: 'Background' }), 'application/json');
    if (status !== 404) read(`DELETE ${path}`, status, text);
  }

  async version(): Promise<string> {
    const { text } = await this.#send('GET', '/version');
    return (JSON.parse(text) as { gitVersion: string }).gitVersion;
  }

  /** Tells of every object of a collection, and of every change to one, until `signal`. */
  async watch(path: string, signal: AbortSignal, seen: (object: ClusterObject) => void): Promise<void> {
    const answer = await this.#request('GET', `${path}${path.includes('?') ? '&' : '?'}watch=1`, signal);
    void follow(answer.body, seen).catch(() => undefined);
  }

  async #send(method: Dispatcher.HttpMethod, path: string, body?: string, contentType?: string): Promise<{ status: number; text: string }> {
    const answer = await this.#request(method, path, AbortSignal.timeout(TIMEOUT_MS), body, contentType);
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  #request(method: Dispatcher.HttpMethod, path: string, signal: AbortSignal, body?: string, contentType?: string): Promise<Dispatcher.ResponseData> {
    return this.#agent.request({
      origin: this.#origin, path: `${this.#base}${path}`, method, signal, body: body ?? null,
      headers: { accept: 'application/json', ...(contentType ? { 'content-type': contentType } : {}), ...this.#headers },
    });
  }
}

function read(what: string, status: number, text: string): ClusterObject {
  if (status >= 300) throw new Error(`${what}: ${status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as ClusterObject;
}

async function follow(body: AsyncIterable<Buffer>, seen: (object: ClusterObject) => void): Promise<void> {
  let rest = '';
  for await (const chunk of body) {
    const lines = `${rest}${chunk.toString()}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) {
      const { type, object } = JSON.parse(line) as { type: string; object: ClusterObject };
      if (type === 'ADDED' || type === 'MODIFIED') seen(object);
    }
  }
}
