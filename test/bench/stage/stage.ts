import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import type { BareCluster } from '../harness/bare-cluster.ts';
import type { SharedFunction } from './shared-function.ts';
import { inParallel, until } from '../harness/until.ts';
import type { Cleanup, Ground } from '../harness/ground.ts';
import type { BenchKeys } from '../harness/bench-keys.ts';
import type { Platform } from '../harness/platform-process.ts';

/** What every benchmark of the suite works with. */
export interface Stage {
  ground: Ground;
  keys: BenchKeys;
  /** The all-in-one process. */
  platform: Platform;
  cluster: BareCluster;
  /** A Ready tenant that several benchmarks share, and an API key of it. */
  tenant: { name: string; id: string; namespace: string; apiKey: string };
  sharedFunction: SharedFunction;
  folder: string;
  rounds: number;
  /** Folder for CPU profiles of the platform's processes. */
  profile: string | undefined;
  progress: Progress;
  cleanup: Cleanup;
  signal: AbortSignal;
}

export const TENANT_READY_MS = 60_000;
export const FUNCTION_READY_MS = 120_000;
const GONE_WITHIN_MS = 150_000;
const DELETIONS_AT_ONCE = 20;

export function expectStatus(answer: HttpAnswer, ...statuses: number[]): HttpAnswer['body'] {
  if (!statuses.includes(answer.status)) throw new Error(`the platform answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 600)}`);
  return answer.body;
}

/** Asks until the tenant or function at `path` is Ready for its newest generation. */
export function untilReady(client: HttpClient, path: string, withinMs: number, everyMs: number, signal: AbortSignal): Promise<HttpAnswer['body']> {
  return until(`${path} Ready`, async () => {
    const body = expectStatus(await client.get(path), 200);
    const { conditions, observedGeneration } = body.status ?? body;
    const ready = (conditions as { type: string; status: string; reason: string; message: string }[]).find((condition) => condition.type === 'Ready');
    if (ready?.status === 'True' && observedGeneration === body.generation) return { found: body };
    return { seen: `${ready?.reason} ${ready?.message}` };
  }, { withinMs, everyMs, signal });
}

/** Deletes tenants and waits until nothing is left of them. */
export async function removeTenants(client: HttpClient, names: readonly string[]): Promise<void> {
  await inParallel(names, DELETIONS_AT_ONCE, async (name) => {
    expectStatus(await client.delete(`/v1/tenants/${name}`), 202, 404);
  });
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (const name of names) {
    await until(`the end of tenant ${name}`, async () => {
      const answer = await client.get(`/v1/tenants/${name}`);
      return answer.status === 404 ? { found: true } : { seen: JSON.stringify(answer.body.conditions) };
    }, { withinMs: Math.max(1_000, deadline - performance.now()), everyMs: 200 });
  }
}
