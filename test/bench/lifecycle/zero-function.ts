import { until } from '../harness/until.ts';
import { expectStatus, FUNCTION_READY_MS, untilReady, type Stage } from '../stage/stage.ts';

const SOURCES = {
  python: { 'handler.py': 'import os\n\n\ndef handle(event, context):\n    return {"name": os.environ["NAME"]}\n' },
  node: { 'handler.mjs': 'export async function handle() {\n  return { name: process.env.NAME };\n}\n' },
} as const;

/** Time of one start, seen by its caller. */
export interface Start {
  /** Milliseconds from the request to the whole answer. */
  first: number;
  /** Of the request right after it. */
  second: number;
}

/** A function of at most one pod that is stopped a second after its last request. */
export class ZeroFunction {
  readonly name: string;
  readonly #stage: Stage;
  readonly #runtime: keyof typeof SOURCES;
  readonly #path: string;

  constructor(stage: Stage, name: string, runtime: keyof typeof SOURCES) {
    this.name = name;
    this.#stage = stage;
    this.#runtime = runtime;
    this.#path = `/v1/tenants/${stage.tenant.name}/functions/${name}`;
  }

  async deploy(): Promise<void> {
    const { platform, signal } = this.#stage;
    const body = {
      runtime: this.#runtime, source: { inline: SOURCES[this.#runtime] }, environment: { NAME: this.name }, scaling: { min: 0, max: 1, idleTimeoutSeconds: 1 },
      resources: { cpuMillis: 50, memoryMb: 96, ephemeralStorageMb: 32 },
    };
    expectStatus(await platform.operator.put(this.#path, body), 202, 200);
    await untilReady(platform.operator, this.#path, FUNCTION_READY_MS, 100, signal);
  }

  /** Resolves when nothing of it runs. */
  async stopped(): Promise<void> {
    const { cluster, platform, tenant, signal } = this.#stage;
    await until(`${this.name} at zero`, async () => {
      const { status } = expectStatus(await platform.operator.get(this.#path), 200) as { status: { scale?: { active: boolean } } };
      if (status.scale?.active !== false) return { seen: 'it is active' };
      const pods = await cluster.list(`/api/v1/namespaces/${tenant.namespace}/pods`, `fnplane.dev/function=${this.name}`);
      return pods.length === 0 ? { found: true } : { seen: `${pods.length} pods are left` };
    }, { withinMs: FUNCTION_READY_MS, everyMs: 100, signal });
  }

  async start(): Promise<Start> {
    return { first: await this.#call(), second: await this.#call() };
  }

  async remove(): Promise<void> {
    expectStatus(await this.#stage.platform.operator.delete(this.#path), 202, 404);
  }

  async #call(): Promise<number> {
    const { platform, tenant } = this.#stage;
    const begun = performance.now();
    const answer = await fetch(`${platform.gateway}/${tenant.name}/${this.name}/`, {
      method: 'POST', body: '{}', headers: { authorization: `Bearer ${tenant.apiKey}`, 'content-type': 'application/json' }, signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    const took = performance.now() - begun;
    // A start counts only when the function's own environment answered.
    if (answer.status !== 200 || (JSON.parse(text) as { name?: string }).name !== this.name) throw new Error(`${this.name} answered ${answer.status}: ${text.slice(0, 300)}`);
    return took;
  }
}
