import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { conditionOf, sharedPlatform, type TestPlatform } from '../support/platform.js';

const GOOD = 'def handle(event, context):\n    return {"version": "good"}\n';
const inline = (source: string) => ({ inline: { 'handler.py': source } });

/** Each must be named in the function's condition within this time (the main job's promise). */
const TOLD_WITHIN_MS = 30_000;

describe('a function that cannot start', () => {
  let platform: TestPlatform;
  const tenant = randomName('bank');
  const path = `/v1/tenants/${tenant}/functions`;

  beforeAll(async () => {
    platform = await sharedPlatform();
    await platform.tenant(tenant);
    expect((await platform.operator.put(`${path}/payments`, { name: 'payments', runtime: 'python', source: inline(GOOD) })).status).toBeLessThan(300);
    await platform.ready(tenant, 'payments');
  });
  afterAll(() => platform.stop());

  async function told(name: string, reason: RegExp, message: RegExp): Promise<void> {
    await eventually(async () => {
      const ready = conditionOf((await platform.operator.get(`${path}/${name}`)).body, 'Ready');
      expect(ready).toMatchObject({ status: 'False', reason: expect.stringMatching(reason) as string, message: expect.stringMatching(message) as string });
    }, { withinMs: TOLD_WITHIN_MS });
  }

  async function stillServes(): Promise<void> {
    const answer = await platform.operator.post(`${path}/payments/invocations`, {});
    expect([answer.status, answer.body]).toEqual([200, { version: 'good' }]);
  }

  it.each([
    ['a syntax error', { source: inline('def handle(event, context:\n    return 1\n') }, /StartupFailed|CrashLooping/, /SyntaxError[\s\S]*handler\.py/],
    ['a missing handler', { source: inline('def other(event, context):\n    return 1\n') }, /StartupFailed|CrashLooping/, /handle/],
    ['a raising import', { source: inline('import nothing_of_that_name\n\ndef handle(event, context):\n    return 1\n') }, /StartupFailed|CrashLooping/, /nothing_of_that_name/],
  ])('says so for %s, while the last good revision serves', async (_, change, reason, message) => {
    const answer = await platform.operator.put(`${path}/payments`, { name: 'payments', runtime: 'python', ...change });
    expect(answer.status).toBe(202);
    await told('payments', reason, message);
    await stillServes();
    expect((await platform.operator.get(`/v1/tenants/${tenant}/operations/${answer.body.operation.id}`)).body.state).toBe('failed');
  });

  it('says so for Go that does not compile, with the line', async () => {
    const source = { inline: { 'handler.go': 'package function\n\nfunc Handle() { return nothing }\n' } };
    expect((await platform.operator.put(`${path}/ledger`, { name: 'ledger', runtime: 'go', source })).status).toBeLessThan(300);
    await told('ledger', /BuildFailed/, /handler\.go:3/);
  });

  it('says so for an image that does not exist', async () => {
    const id = (await platform.operator.get(`/v1/tenants/${tenant}`)).body.id as string;
    const registry = process.env.FNPLANE_TEST_REGISTRY!;
    const image = `${registry}/tenants/${id}/custom@sha256:${'0'.repeat(64)}`;
    const answer = await platform.operator.put(`${path}/custom`, { name: 'custom', runtime: 'image', image });
    if (answer.status >= 400) {
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/image']);
    } else {
      await told('custom', /ImagePullFailed|BuildFailed/, /image/i);
    }
  });

  it('is healed by a later good deploy', async () => {
    await platform.operator.put(`${path}/payments`, { name: 'payments', runtime: 'python', source: inline(GOOD.replace('good', 'better')) });
    await platform.ready(tenant, 'payments');
    expect((await platform.operator.post(`${path}/payments/invocations`, {})).body).toEqual({ version: 'better' });
  });

  it('is refused by the quota in words, and leaves nothing behind', async () => {
    const before = (await platform.operator.get(`/v1/tenants/${tenant}/quota`)).body;
    const refused = await platform.operator.put(`${path}/huge`, { name: 'huge', runtime: 'python', source: inline(GOOD), scaling: { min: 1, max: 49 }, resources: { cpuMillis: 2000, memoryMb: 2048 } });
    expect([refused.status, refused.body.code]).toEqual([403, 'QUOTA_EXCEEDED']);
    expect(refused.body.detail).toMatch(/quota allows/);
    expect((await platform.operator.get(`${path}/huge`)).status).toBe(404);
    expect((await platform.operator.get(`/v1/tenants/${tenant}/quota`)).body.used).toEqual(before.used);
  });
});
