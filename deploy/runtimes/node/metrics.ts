import { randomUUID } from 'node:crypto';
import type { TerminationMessage } from '../../../src/contract/runtime.ts';

/** Upper bounds of the duration histogram in seconds; the same in the three runtimes. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];

/** Counters of one process life, in whole numbers, as Prometheus text. */
export class Metrics {
  readonly instance = randomUUID();
  readonly #requests = new Map<number, number>();
  #invocations = 0;
  #billedMs = 0;
  #requestBytes = 0;
  #responseBytes = 0;
  #durationNs = 0n;
  readonly #counts: number[] = new Array<number>(BUCKETS.length + 1).fill(0);

  get invocations(): number {
    return this.#invocations;
  }

  countRequest(status: number): void {
    this.#requests.set(status, (this.#requests.get(status) ?? 0) + 1);
  }

  /** Adds one run of the handler; billed time is rounded up to a full millisecond. */
  countInvocation(durationNs: bigint, requestBytes: number, responseBytes: number): void {
    const billed = Number((durationNs + 999_999n) / 1_000_000n);
    this.#invocations += 1;
    this.#billedMs += Math.max(1, billed);
    this.#requestBytes += requestBytes;
    this.#responseBytes += responseBytes;
    this.#durationNs += durationNs;
    const seconds = Number(durationNs) / 1e9;
    const index = BUCKETS.findIndex((bound) => seconds <= bound);
    this.#counts[index < 0 ? BUCKETS.length : index]! += 1;
  }

  text(inFlight: number): string {
    const lines = [
      '# HELP function_instance_info Names this life of the process.',
      '# TYPE function_instance_info gauge',
      `function_instance_info{instance="${this.instance}"} 1`,
      '# HELP http_requests_total Answers by status code, but for /healthz and /metrics.',
      '# TYPE http_requests_total counter',
    ];
    for (const [status, count] of [...this.#requests].sort(([a], [b]) => a - b)) lines.push(`http_requests_total{status="${status}"} ${count}`);
    for (const [name, help, value] of [
      ['function_invocations_total', 'Runs of the handler that have ended.', this.#invocations],
      ['function_billed_ms_total', 'Handler time in ms, each run rounded up.', this.#billedMs],
      ['function_request_bytes_total', 'Body bytes of requests that ran the handler.', this.#requestBytes],
      ['function_response_bytes_total', 'Body bytes of their answers.', this.#responseBytes],
    ]) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`, `${name} ${value}`);
    }
    lines.push(
      '# HELP function_in_flight Requests being run or waiting for a slot.',
      '# TYPE function_in_flight gauge',
      `function_in_flight ${inFlight}`,
      '# HELP function_duration_seconds Time in the handler.',
      '# TYPE function_duration_seconds histogram',
    );
    let total = 0;
    this.#counts.forEach((count, index) => {
      total += count;
      lines.push(`function_duration_seconds_bucket{le="${BUCKETS[index] ?? '+Inf'}"} ${total}`);
    });
    const rest = String(this.#durationNs % 1_000_000_000n).padStart(9, '0');
    lines.push(`function_duration_seconds_sum ${this.#durationNs / 1_000_000_000n}.${rest}`, `function_duration_seconds_count ${this.#invocations}`);
    return lines.join('\n') + '\n';
  }

  /** The last totals as the platform reads them from the pod's status. */
  terminationMessage(): TerminationMessage {
    return {
      fnplane: 1,
      instance: this.instance,
      totals: { invocations: this.#invocations, billedMs: this.#billedMs, requestBytes: this.#requestBytes, responseBytes: this.#responseBytes },
    };
  }
}
