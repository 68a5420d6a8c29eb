import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../deploy/local/http-client.ts';
import { LABEL, tenantNamespace } from '../../src/contract/names.js';
import type { KubernetesObject } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { ArgoController } from '../support/argo-rollouts.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { conditionOf, needed, startPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, put, python, readyFunction } from '../support/tenant-functions.js';

const canary = { strategy: 'canary', steps: [{ setWeight: 20 }, { pause: {} }] };
const shop = (answer: string) => python('shop', `def handle(event, context):\n    return ${answer}\n`, { authentication: 'none', scaling: { min: 2, max: 2 }, rollout: canary });

/** Asks the gateway all the while. */
class Caller {
  readonly failed: string[] = [];
  readonly seen: Record<string, number> = {};
  private stopped = false;
  private readonly loops: Promise<void>[];

  constructor(private readonly url: string) {
    this.loops = [this.run(), this.run()];
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.loops);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const answer = await fetch(this.url, { method: 'POST', body: '{}', signal: AbortSignal.timeout(20_000) }).catch((error: unknown) => String(error));
      if (typeof answer === 'string' || answer.status !== 200) {
        this.failed.push(`${new Date().toISOString()} ${typeof answer === 'string' ? answer : answer.status}`);
        continue;
      }
      await answer.arrayBuffer();
      const revision = answer.headers.get('x-fnplane-served-by')?.split('@')[1] ?? 'nobody';
      this.seen[revision] = (this.seen[revision] ?? 0) + 1;
    }
  }
}

describe('a cluster whose releases go by Argo Rollouts', () => {
  const client = clusterClient();
  const tenant = randomName('argo');
  const path = `/v1/tenants/${tenant}/functions/shop`;
  let platform: TestPlatform;
  let argo: ArgoController;
  let namespace: string;
  let cluster: string;

  beforeAll(async () => {
    platform = await startPlatform();
    namespace = tenantNamespace((await platform.tenant(tenant)).id as string);
    cluster = ((await platform.operator.get('/v1/clusters')).body.items as { name: string }[])[0]!.name;
    argo = new ArgoController(client, needed('KUBECONFIG'), namespace);
    await argo.install();
    await argo.start();
  });
  afterAll(async () => {
    await platform?.stop().finally(() => argo?.remove()).finally(() => client.close());
  }, 180_000);

  const state = async (): Promise<HttpAnswer['body']> => (await platform.operator.get(path)).body;

  async function of(type: ResourceType): Promise<KubernetesObject[]> {
    return (await client.list<KubernetesObject>(type, { namespace, labelSelector: `${LABEL.function}=shop` })).items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** The same by both ways. */
  function rollout(expected: { phase: string; weight: number; revision: number }): Promise<void> {
    return eventually(async () => {
      expect((await state()).status.rollout).toMatchObject(expected);
      const { body } = await platform.operator.graphql('query($tenant: String!) { function(tenant: $tenant, function: "shop") { status { rollout { phase weight revision } } } }', { tenant });
      expect(body.data?.function.status.rollout).toEqual({ ...expected, phase: expected.phase.toUpperCase() });
    }, { withinMs: 40_000, everyMs: 200 });
  }

  async function say(verb: string): Promise<void> {
    expect([verb, (await platform.operator.post(`${path}/rollout/${verb}`, {})).status]).toEqual([verb, 202]);
  }

  async function tell(mutation: string): Promise<void> {
    const { body } = await platform.operator.graphql(`mutation($input: RolloutInput!) { ${mutation}(input: $input) { userErrors { code message } } }`, { input: { tenant, function: 'shop' } });
    expect(body.data?.[mutation]).toEqual({ userErrors: [] });
  }

  async function engine(rolloutEngine: 'argo' | 'operator'): Promise<void> {
    expect((await platform.operator.patch(`/v1/clusters/${cluster}`, { rolloutEngine })).body.rolloutEngine).toBe(rolloutEngine);
  }

  it('moves a function that serves, goes its steps by both APIs\' words, and goes back, with an answer for everybody', async () => {
    await deploy(platform, tenant, shop('1'));
    const caller = new Caller(`${platform.gateway}/${tenant}/shop/`);
    await engine('argo');
    await eventually(async () => expect([(await of(RESOURCE.rollout)).length, (await of(RESOURCE.deployment)).length]).toEqual([1, 0]), { withinMs: 60_000 });

    await put(platform, tenant, shop('2'));
    await rollout({ phase: 'paused', weight: 20, revision: 2 });
    await eventually(async () => expect(caller.seen).toMatchObject({ 1: expect.any(Number), 2: expect.any(Number) }), { withinMs: 20_000 });
    await say('pause');
    await eventually(async () => expect((await state()).status.rollout.message).toBe('Held by its owner.'), { withinMs: 20_000 });
    await tell('resumeRollout');
    await rollout({ phase: 'completed', weight: 100, revision: 2 });

    await put(platform, tenant, shop('3'));
    await rollout({ phase: 'paused', weight: 20, revision: 3 });
    await say('abort');
    await rollout({ phase: 'aborted', weight: 0, revision: 3 });
    expect(conditionOf(await state(), 'Ready')).toMatchObject({ reason: 'RolloutAborted' });
    await tell('retryRollout');
    await rollout({ phase: 'paused', weight: 20, revision: 3 });
    await tell('promoteRollout');
    await rollout({ phase: 'completed', weight: 100, revision: 3 });
    await readyFunction(platform, tenant, 'shop');

    await engine('operator');
    await eventually(async () => expect([(await of(RESOURCE.rollout)).length, (await of(RESOURCE.deployment)).length]).toEqual([0, 1]), { withinMs: 60_000 });
    await caller.stop();
    expect(caller.failed).toEqual([]);
  }, 300_000);

  it('leaves nothing of a function that is deleted', async () => {
    await engine('argo');
    await eventually(async () => expect([(await of(RESOURCE.rollout)).length, (await of(RESOURCE.deployment)).length]).toEqual([1, 0]), { withinMs: 60_000 });
    expect((await platform.operator.delete(path)).status).toBe(202);
    await eventually(async () => expect((await platform.operator.get(path)).status).toBe(404), { withinMs: 60_000 });
    for (const type of [RESOURCE.rollout, RESOURCE.replicaSet, RESOURCE.pod, RESOURCE.service]) expect([type.kind, await of(type)]).toEqual([type.kind, []]);
  }, 180_000);
});
