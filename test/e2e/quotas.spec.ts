import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantNamespace } from '../../src/contract/names.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { HttpClient, type HttpAnswer } from '../../deploy/local/http-client.ts';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { conditionOf, sharedPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, put, python, readyFunction } from '../support/tenant-functions.js';

const ANSWER = 'def handle(event, context):\n    return {"ok": True}\n';
/** Limits reach the cluster and its gateways within this time; spending is noticed within a minute. */
const FOLLOWED_WITHIN_MS = 10_000;
const NOTICED_WITHIN_MS = 60_000;

type WithHard = KubernetesObject & { spec: { hard: Record<string, string> } };

describe('a tenant\'s quota', () => {
  let platform: TestPlatform;
  let client: KubernetesClient;
  let namespace: string;
  let key: string;
  const tenant = randomName('quota');
  const path = `/v1/tenants/${tenant}`;

  beforeAll(async () => {
    [platform, client] = [await sharedPlatform(), clusterClient()];
    await platform.tenant(tenant);
    namespace = tenantNamespace((await platform.operator.get(path)).body.id as string);
    await deploy(platform, tenant, python('f', ANSWER));
    key = (await platform.operator.post(`${path}/api-keys`, { name: 'caller', role: 'developer' })).body.key as string;
    await eventually(async () => expect((await call()).status).toBe(200), { withinMs: FOLLOWED_WITHIN_MS });
  });
  afterAll(async () => {
    await platform?.stop();
    await client?.close();
  });

  function call(): Promise<HttpAnswer> {
    return new HttpClient(platform.gateway).post(`/${tenant}/f`, {}, { headers: { 'x-api-key': key } });
  }

  async function set(overrides: Record<string, unknown> | null): Promise<void> {
    expect((await platform.operator.patch(`${path}/quota`, { overrides })).status).toBe(200);
  }

  async function hardPods(): Promise<string | undefined> {
    return (await client.get<WithHard>(RESOURCE.resourceQuota, { namespace, name: 'fnplane.bounds' })).spec.hard.pods;
  }

  /** How the API answers an invocation, REST and GraphQL. */
  async function apiCodes(): Promise<(string | undefined)[]> {
    const developer = new HttpClient(platform.api, key);
    const rest = await developer.post(`${path}/functions/f/invocations`, {});
    const graphql = await developer.graphql('mutation($input: InvokeFunctionInput!) { invokeFunction(input: $input) { userErrors { code } } }', { input: { tenant, function: 'f' } });
    return [rest.body.code as string | undefined, (graphql.body.errors as { extensions: { code: string } }[] | undefined)?.[0]?.extensions.code];
  }

  it('shows on the cluster when it is lowered and raised, over either API', async () => {
    const graphql = await platform.operator.graphql('mutation($input: SetQuotaInput!) { setQuota(input: $input) { userErrors { code } } }', { input: { tenant, overrides: { pods: 3 } } });
    expect(graphql.body.data.setQuota.userErrors).toEqual([]);
    await eventually(async () => expect(await hardPods()).toBe('6'), { withinMs: FOLLOWED_WITHIN_MS });
    await set({ pods: 40 });
    await eventually(async () => expect(await hardPods()).toBe('80'), { withinMs: FOLLOWED_WITHIN_MS });
    await set(null);
  });

  it('holds invocations a minute at the gateway, whichever way they come', async () => {
    await set({ invocationsPerMinute: 1 });
    const refused = await eventually(async () => {
      const answer = await call();
      expect(answer.status).toBe(429);
      return answer;
    }, { withinMs: FOLLOWED_WITHIN_MS });
    expect(refused.body).toMatchObject({ code: 'RATE_LIMITED', detail: expect.stringContaining('allows 1 invocations per minute') as string });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await apiCodes()).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
    await set({ concurrentInvocations: 0, invocationsPerMinute: null });
    await eventually(async () => expect((await call()).body.code).toBe('CONCURRENCY_LIMITED'), { withinMs: FOLLOWED_WITHIN_MS });
    expect(await apiCodes()).toEqual(['CONCURRENCY_LIMITED', 'CONCURRENCY_LIMITED']);
    await set(null);
    await eventually(async () => expect((await call()).status).toBe(200), { withinMs: FOLLOWED_WITHIN_MS });
  });

  it('stops invocations and growth within a minute once the month has cost what it may, and lets them go on', async () => {
    // What was invoked so far costs nothing yet (free allowances): a limit of nothing is reached at once.
    await set({ monthlySpend: '0' });
    await eventually(async () => expect([(await call()).body.code, (await platform.operator.get(path)).body.spending]).toEqual(['SPEND_LIMIT_REACHED', 'reached']), { withinMs: NOTICED_WITHIN_MS });
    expect(await apiCodes()).toEqual(['SPEND_LIMIT_REACHED', 'SPEND_LIMIT_REACHED']);
    const grown = await platform.operator.put(`${path}/functions/more`, python('more', ANSWER));
    expect([grown.status, grown.body.code, grown.body.details.limit]).toEqual([403, 'QUOTA_EXCEEDED', 'monthlySpend']);
    await set({ monthlySpend: '1000' });
    await eventually(async () => expect((await call()).status).toBe(200), { withinMs: NOTICED_WITHIN_MS });
    await set(null);
  });

  it('is told in the function\'s conditions where a quota on the cluster refuses its pods, and that is healed', async () => {
    // The platform's own quota object is put right at once; an administrator of the cluster may add one that is not the platform's.
    const admins = { metadata: { name: 'cluster-admins', namespace }, spec: { hard: { pods: '1' } } };
    await client.create(RESOURCE.resourceQuota, admins);
    try {
      await eventually(async () => {
        const { status } = await client.get<KubernetesObject & { status?: { used?: Record<string, string> } }>(RESOURCE.resourceQuota, { namespace, name: 'cluster-admins' });
        expect(status?.used?.pods).toBe('1');
      }, { withinMs: 60_000 });
      await put(platform, tenant, python('f', ANSWER.replace('True', 'False')));
      await eventually(async () => {
        const ready = conditionOf((await platform.operator.get(`${path}/functions/f`)).body, 'Ready');
        expect(ready).toMatchObject({ status: 'False', reason: 'QuotaRefused', message: expect.stringMatching(/pods: 1 allowed, 1 in use, 1 more needed/) as string });
      }, { withinMs: 30_000 });
      const { body } = await platform.operator.graphql('query($t: String!) { function(tenant: $t, function: "f") { status { conditions { type reason message } } } }', { t: tenant });
      expect(body.data.function.status.conditions).toEqual(expect.arrayContaining([expect.objectContaining({ type: 'Ready', reason: 'QuotaRefused', message: expect.stringMatching(/pods/) as string })]));
      expect((await call()).status).toBe(200);
    } finally {
      await client.delete(RESOURCE.resourceQuota, { namespace, name: 'cluster-admins' });
    }
    await readyFunction(platform, tenant, 'f', 60_000);
  });
});
