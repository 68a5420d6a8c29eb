import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { sharedPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, python } from '../support/tenant-functions.js';

const GREETER = `def handle(event, context):
    return {"hello": event["data"]["name"], "request": context.request_id}
`;
const BROKEN = `def handle(event, context):
    raise ValueError("not yet")
`;

/** From nothing running, on a busy machine. */
const DONE_WITHIN_MS = 60_000;

describe('invocations that nobody waits for', () => {
  let platform: TestPlatform;
  const tenant = randomName('later');
  const path = `/v1/tenants/${tenant}`;

  beforeAll(async () => {
    platform = await sharedPlatform();
    await platform.tenant(tenant);
  });
  afterAll(() => platform?.stop());

  async function accept(fn: string, body: unknown, query = ''): Promise<string> {
    const { status, headers, body: made } = await platform.operator.post(`${path}/functions/${fn}/async-invocations${query}`, body);
    expect([status, headers.get('location')]).toEqual([202, `${path}/async-invocations/${String(made.id)}`]);
    return made.id as string;
  }

  function ended(id: string, state: string) {
    return eventually(async () => {
      const { body } = await platform.operator.get(`${path}/async-invocations/${id}`);
      expect(body).toMatchObject({ state });
      return body;
    }, { withinMs: DONE_WITHIN_MS });
  }

  it('wake a function at zero, and keep its answer', async () => {
    await deploy(platform, tenant, python('greeter', GREETER, { scaling: { min: 0, max: 1, idleTimeoutSeconds: 10 } }));
    const { body } = await eventually(async () => {
      const found = await platform.operator.get(`${path}/functions/greeter`);
      expect(found.body.status.readyReplicas).toBe(0);
      return found;
    }, { withinMs: DONE_WITHIN_MS });
    const id = await accept('greeter', { name: 'Ada' });
    expect(await ended(id, 'succeeded')).toMatchObject({ function: 'greeter', attempts: 1, status: 200, revision: body.status.servingRevision as number });
    expect((await platform.operator.get(`${path}/async-invocations/${id}/result`)).body).toEqual({ hello: 'Ada', request: id });
    await eventually(async () => expect((await platform.operator.get(`${path}/usage`)).body.total.invocations).toBe(1), { withinMs: 10_000 });
  });

  it('become dead letters where the function fails, and succeed anew once it is mended', async () => {
    await deploy(platform, tenant, python('mended', BROKEN));
    const id = await accept('mended', { name: 'Grace' }, '?maxAttempts=2');
    expect(await ended(id, 'failed')).toMatchObject({ attempts: 2, status: 500, error: { code: 'FUNCTION_ERROR' } });
    expect((await platform.operator.get(`${path}/async-invocations?state=failed`)).body.items).toMatchObject([{ id }]);
    await deploy(platform, tenant, python('mended', GREETER));
    expect((await platform.operator.post(`${path}/async-invocations/redrive`, { function: 'mended' })).body).toEqual({ count: 1, more: false });
    expect(await ended(id, 'succeeded')).toMatchObject({ attempts: 1, revision: 2 });
    expect((await platform.operator.get(`${path}/async-invocations/${id}/result`)).body).toEqual({ hello: 'Grace', request: id });
  });
});
