import type { Platform } from '../harness/platform-process.ts';
import { until } from '../harness/until.ts';
import { expectStatus, FUNCTION_READY_MS, untilReady } from './stage.ts';

const NAME = 'echo';
const SOURCE = `package function

import (
	"context"

	"fnplane.dev/fn"
)

func Handle(ctx context.Context, event fn.Event) (any, error) {
	return map[string]string{"message": "hello"}, nil
}
`;

/** A function in Go for the benchmarks that need one that is there; made when the first of them asks. */
export class SharedFunction {
  readonly #path: string;
  readonly #platform: Platform;
  readonly #signal: AbortSignal;
  #made: Promise<unknown> | undefined;

  constructor(platform: Platform, tenant: string, signal: AbortSignal) {
    this.#platform = platform;
    this.#path = `/v1/tenants/${tenant}/functions/${NAME}`;
    this.#signal = signal;
  }

  /** @returns its name, once it is Ready */
  async ready(): Promise<string> {
    await (this.#made ??= this.#deploy());
    return NAME;
  }

  /** Gives the room on the node back; resolves when it is gone. */
  async release(): Promise<void> {
    if (!this.#made) return;
    this.#made = undefined;
    expectStatus(await this.#platform.operator.delete(this.#path), 202);
    await until(`the end of ${this.#path}`, async () => ((await this.#platform.operator.get(this.#path)).status === 404 ? { found: true } : { seen: 'it is still there' }), { withinMs: FUNCTION_READY_MS, everyMs: 100, signal: this.#signal });
  }

  async #deploy(): Promise<void> {
    const body = { runtime: 'go', source: { inline: { 'handler.go': SOURCE } }, resources: { cpuMillis: 500, memoryMb: 128, ephemeralStorageMb: 32 } };
    expectStatus(await this.#platform.operator.put(this.#path, body), 202);
    await untilReady(this.#platform.operator, this.#path, FUNCTION_READY_MS, 100, this.#signal);
  }
}
