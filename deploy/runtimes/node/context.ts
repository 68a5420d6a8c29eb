import { Logger } from './logs.ts';
import type { Settings } from './settings.ts';

/** Second argument of every handler. */
export class Context {
  readonly requestId: string;
  readonly function: string;
  readonly revision: number;
  readonly tenant: string;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly logger: Logger;
  /** When the caller is told that time is over. */
  deadline = new Date(0);
  #abort: AbortController | undefined;
  #aborted = false;

  constructor(settings: Settings, requestId: string, headers: Record<string, string>) {
    this.requestId = requestId;
    this.function = settings.function;
    this.revision = settings.revision;
    this.tenant = settings.tenant;
    this.traceparent = headers['traceparent'];
    this.tracestate = headers['tracestate'];
    this.logger = new Logger({ requestId, function: settings.function, revision: settings.revision });
  }

  /** Milliseconds left until the deadline, never negative. */
  remainingMs(): number {
    return Math.max(0, this.deadline.getTime() - Date.now());
  }

  /** Aborts at the deadline: pass it to `fetch` and the like. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Called by the runtime when time is over. */
  abort(): void {
    this.#aborted = true;
    this.#abort?.abort(new DOMException('The function ran out of time.', 'TimeoutError'));
  }
}
