import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantJobContext } from '../../src/platform/context/context.js';
import { CodeService } from '../../src/domains/functions/code.service.js';
import { FunctionProgress } from '../../src/domains/functions/function-progress.js';
import { FunctionsService } from '../../src/domains/functions/functions.service.js';
import { buildArchive } from '../../src/platform/archives/source-archive.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { expectExactBooks } from '../support/reservations.js';

/** Another seed: FNPLANE_TEST_SEED. The one that failed is in the test's name. */
const SEED = Number(process.env.FNPLANE_TEST_SEED ?? 20_261_125);
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const LIMITS = { functions: 4, pods: 8, cpuMillis: 900, memoryMb: 1_000, ephemeralStorageMb: 2_000, secrets: 3, configSets: 3, codeMb: 2 };
type Limit = keyof typeof LIMITS;
type Amounts = Partial<Record<Limit, number>>;

/** mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let first: TestApi;
let second: TestApi;
beforeAll(async () => {
  first = await startApi();
  second = await startApi({}, first);
});
afterAll(async () => {
  await second?.stop();
  await first?.stop();
});

interface Answer {
  status: number;
  code?: string;
}

/** One tenant under random requests. `draw` decides all of them, so that a seed is a whole run. */
class Fuzzed {
  readonly name = randomName('fuzz');
  id = '';

  constructor(readonly draw: () => number) {}

  get path(): string {
    return `/v1/tenants/${this.name}`;
  }

  async create(): Promise<void> {
    const made = await first.operator.post('/v1/tenants', { name: this.name, plan: 'small' });
    this.id = made.body.id as string;
    expect((await first.operator.patch(`${this.path}/quota`, { overrides: LIMITS })).status).toBe(200);
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.draw() * list.length)]!;
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const api = this.draw() < 0.5 ? first : second;
    const answer = await api.operator.send(method, `${this.path}${path}`, { ...(body === undefined ? {} : { body }), headers });
    return { status: answer.status, code: answer.body?.code as string | undefined };
  }

  body(): { max: number; cpuMillis: number; memoryMb: number; rest: Record<string, unknown> } {
    const [max, cpuMillis, memoryMb] = [this.pick([1, 2, 3, 5]), this.pick([50, 100, 200]), this.pick([64, 128, 256])];
    const source = { inline: { 'handler.py': `x = ${Math.floor(this.draw() * 3)}` } };
    return { max, cpuMillis, memoryMb, rest: { runtime: 'python', source, scaling: { max }, resources: { cpuMillis, memoryMb, ephemeralStorageMb: 64 } } };
  }

  get context() {
    return tenantJobContext('fuzz', this);
  }

  /** As the worker would: what is being deleted is gone, where it is still there. */
  async finishDeletion(name: string): Promise<boolean> {
    const fn = await first.plane.app.get(FunctionsService, { strict: false }).get(this.context, name).catch(() => null);
    if (fn?.state !== 'deleting') return false;
    await first.plane.app.get(FunctionProgress, { strict: false }).gone(this.context, fn);
    return true;
  }

  async failBuild(name: string): Promise<void> {
    const fn = await first.plane.app.get(FunctionsService, { strict: false }).get(this.context, name).catch(() => null);
    if (fn?.state === 'active') await first.plane.app.get(FunctionProgress, { strict: false }).buildFailed(this.context, fn, 'BuildFailed', 'it does not compile');
  }

  async upload(content: string): Promise<Answer> {
    const bytes = await buildArchive({ 'handler.py': content });
    return this.send('PUT', `/code/${createHash('sha256').update(bytes).digest('hex')}`, bytes, { 'content-type': 'application/gzip' });
  }

  async dropUnusedCode(): Promise<void> {
    await first.plane.app.get(CodeService, { strict: false }).removeUnused(this.context, 0);
  }

  books(): Promise<Amounts> {
    return expectExactBooks(first.plane.database, this.id);
  }
}

describe(`the quota's books under random work (seed ${SEED})`, () => {
  it('agree with a model, one request after the other', async () => {
    const tenant = new Fuzzed(random(SEED));
    await tenant.create();
    const held = new Map<string, Amounts>();
    const deleting = new Set<string>();
    const sum = (without?: string): Amounts => {
      const sums: Amounts = {};
      for (const [holder, amounts] of held) if (holder !== without) for (const [limit, amount] of Object.entries(amounts) as [Limit, number][]) sums[limit] = (sums[limit] ?? 0) + amount;
      return sums;
    };
    /** The rule: an increase must fit; what does not grow always may. */
    const fits = (holder: string, wanted: Amounts): boolean => {
      const [before, others] = [held.get(holder) ?? {}, sum(holder)];
      return (Object.entries(wanted) as [Limit, number][]).every(([limit, amount]) => amount <= (before[limit] ?? 0) || (others[limit] ?? 0) + amount <= LIMITS[limit]);
    };
    const turn = async (): Promise<void> => {
      const name = tenant.pick(NAMES);
      const kind = tenant.pick(['deploy', 'deploy', 'deploy', 'deploy', 'check', 'delete', 'finish', 'fail', 'put', 'put', 'drop', 'upload', 'clean'] as const);
      const holder = `function/${name}`;
      if (kind === 'deploy' || kind === 'check') {
        const { max, cpuMillis, memoryMb, rest } = tenant.body();
        const wanted: Amounts = { functions: 1, pods: max, cpuMillis: max * cpuMillis, memoryMb: max * memoryMb, ephemeralStorageMb: max * 64 };
        const answer = await tenant.send('PUT', `/functions/${name}${kind === 'check' ? '?validateOnly=true' : ''}`, rest);
        if (deleting.has(name)) return expect(answer.code).toBe('FUNCTION_DELETING');
        if (!fits(holder, wanted)) return expect(answer).toEqual({ status: 403, code: 'QUOTA_EXCEEDED' });
        expect(answer.status).toBeLessThan(300);
        if (kind === 'deploy') held.set(holder, wanted);
      } else if (kind === 'delete') {
        expect((await tenant.send('DELETE', `/functions/${name}`)).status).toBe(held.has(holder) ? 202 : 404);
        if (held.has(holder)) deleting.add(name);
      } else if (kind === 'finish') {
        expect(await tenant.finishDeletion(name)).toBe(deleting.has(name));
        if (deleting.delete(name)) held.delete(holder);
      } else if (kind === 'fail') {
        await tenant.failBuild(name);
      } else if (kind === 'put' || kind === 'drop') {
        const set = tenant.pick(['secrets', 'configs'] as const);
        const [own, wanted]: [string, Amounts] = [`${set}/${name}`, set === 'secrets' ? { secrets: 1 } : { configSets: 1 }];
        const answer = kind === 'put' ? await tenant.send('PUT', `/${own}`, { data: { A: '1' } }) : await tenant.send('DELETE', `/${own}`);
        if (kind === 'drop') expect(answer.status < 300).toBe(held.delete(own));
        else if (!fits(own, wanted)) expect(answer.code).toBe('QUOTA_EXCEEDED');
        else {
          expect(answer.status).toBeLessThan(300);
          held.set(own, wanted);
        }
      } else if (kind === 'upload') {
        const own = `code/${name}`;
        const answer = await tenant.upload(`name = "${name}"`);
        if (!fits(own, { codeMb: 1 })) expect(answer.code).toBe('QUOTA_EXCEEDED');
        else held.set(own, { codeMb: 1 });
      } else {
        await tenant.dropUnusedCode();
        for (const own of [...held.keys()]) if (own.startsWith('code/')) held.delete(own);
      }
    };
    for (let step = 0; step < 150; step += 1) {
      await turn();
      expect(await tenant.books()).toEqual(Object.fromEntries(Object.entries(sum()).filter(([, amount]) => amount !== 0)));
    }
  }, 120_000);

  it('are exact and within the limits however requests run into each other', async () => {
    const tenant = new Fuzzed(random(SEED + 1));
    await tenant.create();
    const answers: Answer[] = [];
    const turn = async (): Promise<void> => {
      const name = tenant.pick(NAMES);
      switch (tenant.pick(['deploy', 'deploy', 'deploy', 'bad', 'check', 'replay', 'delete', 'finish', 'finish', 'fail', 'put', 'drop', 'upload', 'clean'] as const)) {
        case 'deploy': return void answers.push(await tenant.send('PUT', `/functions/${name}`, tenant.body().rest));
        case 'bad': return void answers.push(await tenant.send('PUT', `/functions/${name}`, { ...tenant.body().rest, ...tenant.pick([{ secrets: ['missing'] }, { timeoutSeconds: 900 }, { handler: 7 }]) }));
        case 'check': return void answers.push(await tenant.send('PUT', `/functions/${name}?validateOnly=true`, tenant.body().rest));
        case 'replay': {
          const [{ rest }, headers] = [tenant.body(), { 'idempotency-key': randomUUID() }];
          answers.push(...await Promise.all([1, 2, 3].map(() => tenant.send('PUT', `/functions/${name}`, rest, headers))));
          return;
        }
        case 'delete': return void answers.push(await tenant.send('DELETE', `/functions/${name}`));
        case 'finish': return void (await tenant.finishDeletion(name));
        case 'fail': return tenant.failBuild(name);
        case 'put': return void answers.push(await tenant.send('PUT', `/${tenant.pick(['secrets', 'configs'])}/${name}`, { data: { A: '1' } }));
        case 'drop': return void answers.push(await tenant.send('DELETE', `/${tenant.pick(['secrets', 'configs'])}/${name}`));
        case 'upload': return void answers.push(await tenant.upload(`name = "${name}"`));
        case 'clean': return tenant.dropUnusedCode();
      }
    };
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(Array.from({ length: 12 }, turn));
      const sums = await tenant.books();
      for (const [limit, most] of Object.entries(LIMITS) as [Limit, number][]) expect([limit, (sums[limit] ?? 0) <= most]).toEqual([limit, true]);
    }
    // Every refusal has its reason, and nothing failed.
    const odd = answers.filter(({ status, code }) => status >= 500 && code !== 'DATABASE_BUSY');
    expect(odd).toEqual([]);
    expect(answers.some(({ code }) => code === 'QUOTA_EXCEEDED')).toBe(true);
  }, 120_000);
});
