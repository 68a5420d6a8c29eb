import { Agent, request } from 'undici';
import { FUNCTION_PORT } from '../../contract/names.js';
import { SPECIALIZE_PATH } from '../../contract/pool-resource.js';

const CONNECT_MS = 1_000;
const ANSWER_LIMIT = 16 * 1024;

/** Tells a waiting pod what to become. */
export interface Specializer {
  /** Resolves when the function takes requests; rejects with its words where it does not. */
  specialize(address: string, token: string, body: Buffer, signal: AbortSignal): Promise<void>;
}

/** By HTTP, straight to the pod: the namespace's policy admits the data path. */
export class PodSpecializer implements Specializer {
  private readonly agent = new Agent({ connect: { timeout: CONNECT_MS }, pipelining: 0, keepAliveTimeout: 1, maxResponseSize: ANSWER_LIMIT });

  async specialize(address: string, token: string, body: Buffer, signal: AbortSignal): Promise<void> {
    const host = address.includes(':') ? `[${address}]` : address;
    const answer = await request(`http://${host}:${FUNCTION_PORT}${SPECIALIZE_PATH}`, {
      method: 'POST', dispatcher: this.agent, signal, body,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.fnplane.specialization', 'content-length': String(body.length) },
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`the pod answered ${answer.statusCode}: ${wordsOf(text)}`);
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

function wordsOf(text: string): string {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? text;
  } catch {
    return text;
  }
}
