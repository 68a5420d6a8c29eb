import { Agent } from 'undici';
import type { KubernetesClient } from './kubernetes-client.js';
import type { Pod } from './kubernetes-object.js';

const TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 500;
/** A runtime's page is below 10 kB; a pod that answers more is not read on. */
const MAX_BYTES = 256 * 1024;

/** How pods are reached: at their own addresses, through the API server, or whichever works first. */
export type PodNetwork = 'direct' | 'proxy' | 'auto';

/** Reads small text pages of pods, such as `/metrics`. */
export class PodPages {
  private readonly agent = new Agent({ connections: 1, keepAliveTimeout: 10_000, connect: { timeout: CONNECT_TIMEOUT_MS }, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  private mode: 'direct' | 'proxy' | undefined;

  constructor(private readonly client: KubernetesClient, network: PodNetwork, private readonly port: number) {
    if (network !== 'auto') this.mode = network;
  }

  /** Undefined when the pod does not answer 200 within 2 s. */
  async read(pod: Pod, path: string): Promise<string | undefined> {
    if (this.mode !== 'proxy') {
      const text = await this.direct(pod, path).catch(() => undefined);
      if (text !== undefined) this.mode = 'direct';
      if (text !== undefined || this.mode === 'direct') return text;
    }
    const text = await this.proxied(pod, path).catch(() => undefined);
    if (text !== undefined) this.mode = 'proxy';
    return text;
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async direct(pod: Pod, path: string): Promise<string> {
    const address = pod.status?.podIP ?? '';
    const host = address.includes(':') ? `[${address}]` : address;
    const answer = await this.agent.request({ origin: `http://${host}:${this.port}`, path, method: 'GET', signal: AbortSignal.timeout(TIMEOUT_MS) });
    return bounded(answer.statusCode, answer.body);
  }

  private async proxied({ metadata: { namespace = '', name } }: Pod, path: string): Promise<string> {
    const answer = await this.client.proxy({ kind: 'pods', namespace, name, port: this.port }, { method: 'GET', path, timeoutMs: TIMEOUT_MS });
    return bounded(answer.status, answer.body);
  }
}

async function bounded(status: number, body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error('the page is too large');
    chunks.push(chunk);
  }
  if (status !== 200) throw new Error(`the page answers ${status}`);
  return Buffer.concat(chunks).toString('utf8');
}
