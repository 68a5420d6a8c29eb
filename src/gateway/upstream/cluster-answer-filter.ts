import type { Dispatcher } from 'undici';
import { ClusterAnswerError } from './cluster-answer-error.js';

type Headers = Record<string, string | string[] | undefined>;

const SUSPECT = new Set([401, 403, 404, 429, 500, 502, 503, 504]);
const MAX_STATUS_BYTES = 8192;

/** `metav1.Status` as the API server writes it. */
function isStatus(body: string): boolean {
  try {
    const parsed = JSON.parse(body) as { kind?: unknown; apiVersion?: unknown; metadata?: unknown; status?: unknown };
    return parsed.kind === 'Status' && parsed.apiVersion === 'v1' && parsed.status === 'Failure' && typeof parsed.metadata === 'object';
  } catch {
    return false;
  }
}

/**
 * Stands before a handler whose request goes through the API server's service proxy, and turns the API server's own
 * failures into errors, so that they are not taken for the function's answer. Holds back short JSON error answers only.
 */
export class ClusterAnswerFilter implements Dispatcher.DispatchHandler {
  private held: { status: number; headers: Headers; statusText: string | undefined; chunks: Buffer[] } | undefined;
  private concluded = false;

  constructor(private readonly inner: Dispatcher.DispatchHandler) {}

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.inner.onRequestStart?.(controller, context);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers, statusText?: string): void {
    const length = Number(headers['content-length'] ?? 0);
    if (SUSPECT.has(status) && String(headers['content-type']).startsWith('application/json') && length <= MAX_STATUS_BYTES) {
      this.held = { status, headers, statusText, chunks: [] };
    } else {
      this.inner.onResponseStart?.(controller, status, headers as never, statusText);
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { held } = this;
    if (!held) return void this.inner.onResponseData?.(controller, chunk);
    held.chunks.push(chunk);
    if (held.chunks.reduce((sum, one) => sum + one.length, 0) > MAX_STATUS_BYTES) this.letGo(controller);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: never): void {
    const { held } = this;
    if (held && isStatus(Buffer.concat(held.chunks).toString('utf8'))) {
      this.concluded = true;
      this.inner.onResponseError?.(controller, new ClusterAnswerError(held.status, held.status === 503));
      return;
    }
    this.letGo(controller);
    this.inner.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.concluded) this.inner.onResponseError?.(controller, error);
  }

  private letGo(controller: Dispatcher.DispatchController): void {
    const { held } = this;
    this.held = undefined;
    if (!held) return;
    this.inner.onResponseStart?.(controller, held.status, held.headers as never, held.statusText);
    for (const chunk of held.chunks) this.inner.onResponseData?.(controller, chunk);
  }
}
