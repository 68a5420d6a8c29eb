import { request } from 'undici';
import { WAKE_AUDIENCE, WAKE_PATH, type WakeAnswer, type WakeRequest, type Waker } from '../../contract/wake.js';
import { InternalTokenSigner } from '../../platform/invocation/internal-token-signer.js';
import { INTERNAL_HEADER } from '../../platform/invocation/internal-token.js';
import { WakeFailedError } from './wake-failed-error.js';

export interface HttpWakerOptions {
  /** The operator's management address, e.g. `http://127.0.0.1:3090`. */
  url: string;
  /** Shared with the operator; at least 32 characters. */
  secret: string;
  /** Longest time an answer may take; default 10,000. */
  timeoutMs?: number;
}

const TOKEN_TTL_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 10_000;
const MOST_BYTES = 4096;

/**
 * Asks an operator in another process: `POST /internal/wake` with an internal token of no tenant whose principal is
 * {@link WAKE_AUDIENCE}; 200 with the pod, 204 where the function starts cold.
 */
export class HttpWaker implements Waker {
  private readonly address: URL;
  private readonly signer: InternalTokenSigner;

  /** @throws {RangeError} for a secret that is too short; {TypeError} for a URL that is none. */
  constructor(private readonly options: HttpWakerOptions) {
    this.address = new URL(WAKE_PATH, options.url);
    this.signer = new InternalTokenSigner(options.secret);
  }

  /** @throws {WakeFailedError} for any other answer; what the connection throws; the signal's reason. */
  async wake(wanted: WakeRequest, signal: AbortSignal): Promise<WakeAnswer | undefined> {
    const token = this.signer.sign({ tenantId: '', principal: WAKE_AUDIENCE, expiresAt: Date.now() + TOKEN_TTL_MS }, 'POST', this.address.pathname);
    const { statusCode, body } = await request(this.address, {
      method: 'POST', headers: { 'content-type': 'application/json', [INTERNAL_HEADER]: token }, body: JSON.stringify(wanted),
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.options.timeoutMs ?? DEFAULT_TIMEOUT_MS)]),
    });
    if (statusCode === 204) {
      await body.dump();
      return undefined;
    }
    let text = '';
    for await (const chunk of body) {
      text += (chunk as Buffer).toString('utf8');
      if (text.length > MOST_BYTES) throw new WakeFailedError('the operator\'s answer is too long');
    }
    if (statusCode !== 200) throw new WakeFailedError(`the operator answered ${statusCode}`);
    return readAnswer(text);
  }
}

function readAnswer(text: string): WakeAnswer {
  let answer: Partial<Record<keyof WakeAnswer, unknown>> | null;
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    answer = null;
  }
  const { pod, address, port, revision } = answer ?? {};
  if (typeof pod !== 'string' || typeof address !== 'string' || !Number.isInteger(port) || !Number.isInteger(revision)) throw new WakeFailedError('the operator\'s answer names no pod');
  return { pod, address, port: port as number, revision: revision as number };
}
