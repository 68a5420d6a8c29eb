import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { WaitError } from './wait.ts';

interface Kubeconfig {
  readonly clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** The few calls that starting a cluster needs. The platform's own client would need node_modules built and costs 200 ms to load. */
export class ClusterApi {
  readonly #server: string;
  readonly #agent: Agent;

  constructor(kubeconfig: string) {
    const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
    if (!cluster || !user) throw new Error(`${kubeconfig} names no cluster`);
    const decoded = (text: string) => Buffer.from(text, 'base64');
    this.#server = cluster.server;
    this.#agent = new Agent({
      keepAlive: true,
      ca: decoded(cluster['certificate-authority-data']),
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @returns the body's text @throws on any status from 300 and after 5 s */
  async text(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<string> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#server), {
        method,
        agent: this.#agent,
        timeout: 5_000,
        headers: payload === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) },
      });
      outgoing.on('timeout', () => outgoing.destroy(new WaitError(`${method} ${path}: no answer within 5 s`)));
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = incoming.statusCode ?? 0;
          if (status < 300) resolve(text);
          else reject(new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`));
        });
      });
      outgoing.end(payload);
    });
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.text('GET', path)) as T;
  }

  /** Server-side apply: creates the object or makes it what is given. JSON is YAML. */
  async apply(path: string, object: unknown): Promise<void> {
    await this.text('PATCH', `${path}?fieldManager=fnplane-local&force=true`, object, 'application/apply-patch+yaml');
  }
}
