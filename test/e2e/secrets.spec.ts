import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { LABEL, tenantNamespace } from '../../src/contract/names.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Pod, ReplicaSet } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { clusterClient, leftovers } from '../support/leftovers.js';
import { conditionOf, sharedPlatform, type TestPlatform } from '../support/platform.js';
import { invoke, podsOf, python, readyFunction, readyPod } from '../support/tenant-functions.js';
import { GRAPHQL, REST } from './transports.js';

/** The promise: a live value is in the files of a running pod within this time. */
const LIVE_WITHIN_MS = 90_000;
const ROLLED_WITHIN_MS = 60_000;

const READER = `import os
import uuid
from pathlib import Path

LIFE = str(uuid.uuid4())
FOLDER = Path("/var/run/secrets/fnplane")


def writable(path):
    try:
        path.open("w").close()
    except OSError:
        return False
    return True


def handle(event, context):
    files = {}
    for folder in sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []:
        for file in sorted(folder.iterdir()):
            if not file.name.startswith(".."):
                files[folder.name + "/" + file.name] = file.read_text()
    return {"environment": os.environ.get("KEY"), "files": files, "life": LIFE, "writable": any(writable(FOLDER / name) for name in files)}
`;

interface Seen {
  environment: string | null;
  files: Record<string, string>;
  life: string;
  writable: boolean;
}

describe.each([REST, GRAPHQL])('secrets through $name', (transport) => {
  let platform: TestPlatform;
  let client: KubernetesClient;
  let namespace: string;
  let tenantId: string;
  let apiKey: string;
  const tenant = randomName('vault');

  beforeAll(async () => {
    platform = await sharedPlatform();
    client = clusterClient();
    tenantId = (await platform.tenant(tenant)).id as string;
    namespace = tenantNamespace(tenantId);
    apiKey = (await platform.operator.post(`/v1/tenants/${tenant}/api-keys`, { name: 'caller', role: 'developer' })).body.key as string;
  });
  afterAll(async () => {
    await client?.close();
    await platform?.stop();
  });

  /** A function of its own secret, ready with the value `first`. */
  async function reader(name: string, secretDelivery?: Record<string, string>): Promise<{ functionId: string; secret: string }> {
    const secret = `${name}-key`;
    await transport.putSecret(platform.operator, tenant, secret, { KEY: 'first' });
    await transport.deploy(platform.operator, tenant, python(name, READER, { secrets: [secret], ...(secretDelivery ? { secretDelivery } : {}) }));
    return { functionId: (await readyFunction(platform, tenant, name)).id as string, secret };
  }

  const seen = (name: string) => invoke<Seen>(platform, tenant, name);

  async function ofFunction<T extends KubernetesObject>(type: ResourceType, functionId: string): Promise<T[]> {
    return (await client.list<T>(type, { namespace, labelSelector: `${LABEL.functionId}=${functionId}` })).items;
  }

  const namesOf = async (type: ResourceType, functionId: string) => (await ofFunction(type, functionId)).map(({ metadata }) => metadata.name).sort();

  /** Calls without a pause, through the gateway, until it is told to stop; answers what was no 200. */
  function callers(name: string): { calls(): number; stop(): Promise<unknown[]> } {
    const gateway = new HttpClient(platform.gateway);
    const failures: unknown[] = [];
    let calls = 0;
    let going = true;
    const lane = async (): Promise<void> => {
      while (going) {
        const answer = await gateway.post(`/${tenant}/${name}`, {}, { headers: { 'x-api-key': apiKey } }).catch((error: unknown) => ({ status: 0, body: String(error) }));
        calls += 1;
        if (answer.status !== 200) failures.push([answer.status, answer.body]);
      }
    };
    const lanes = [lane(), lane()];
    return {
      calls: () => calls,
      stop: async () => {
        going = false;
        await Promise.all(lanes);
        return failures;
      },
    };
  }

  async function gatewayKnowsKey(name: string): Promise<void> {
    await eventually(async () => expect((await new HttpClient(platform.gateway).post(`/${tenant}/${name}`, {}, { headers: { 'x-api-key': apiKey } })).status).toBe(200), { withinMs: 10_000 });
  }

  it('arrive as variables, as read-only files, or as both', async () => {
    const [plain, both] = [await reader('plain'), await reader('both', { as: 'both' })];
    expect(await seen('plain')).toMatchObject({ environment: 'first', files: {} });
    expect(await seen('both')).toMatchObject({ environment: 'first', files: { [`${both.secret}/KEY`]: 'first' }, writable: false });
    expect((await namesOf(RESOURCE.secret, plain.functionId))).toHaveLength(1);
  });

  it.each([['variables', undefined, (answer: Seen) => answer.environment], ['files', { as: 'files' }, (answer: Seen) => Object.values(answer.files)[0]]] as const)(
    'that are rolling bring a new value as %s with new pods and without a failed request, and leave no old object', async (form, delivery, valueOf) => {
      const name = `rolling-${form}`;
      const { functionId, secret } = await reader(name, delivery);
      await gatewayKnowsKey(name);
      const [objects, pod] = [await namesOf(RESOURCE.secret, functionId), await readyPod(client, tenantId, name)];
      const load = callers(name);
      await eventually(async () => expect(load.calls()).toBeGreaterThan(5), { withinMs: 10_000 });
      await transport.putSecret(platform.operator, tenant, secret, { KEY: 'second' });
      await eventually(async () => expect(valueOf(await seen(name))).toBe('second'), { withinMs: ROLLED_WITHIN_MS, everyMs: 300 });
      // The last request to the old pod counts too.
      await eventually(async () => expect((await ofFunction<Pod>(RESOURCE.pod, functionId)).map(({ metadata }) => metadata.uid)).not.toContain(pod.metadata.uid), { withinMs: ROLLED_WITHIN_MS });
      const counted = load.calls();
      await eventually(async () => expect(load.calls()).toBeGreaterThan(counted + 5), { withinMs: 10_000 });
      expect(await load.stop()).toEqual([]);
      await eventually(async () => {
        const left = await namesOf(RESOURCE.secret, functionId);
        expect(left).toHaveLength(1);
        expect(objects).not.toContain(left[0]);
      }, { withinMs: ROLLED_WITHIN_MS });
    });

  it('that are live change in the files of the running pod, also back to an older version', async () => {
    const { functionId, secret } = await reader('live', { as: 'files', updates: 'live' });
    const pod = await readyPod(client, tenantId, 'live');
    const before = { ...(await seen('live')), sets: await namesOf(RESOURCE.replicaSet, functionId), objects: await namesOf(RESOURCE.secret, functionId) };
    expect(before).toMatchObject({ environment: null, files: { [`${secret}/KEY`]: 'first' } });
    for (const [what, value, change] of [
      ['a new value', 'second', () => transport.putSecret(platform.operator, tenant, secret, { KEY: 'second' })],
      ['an older version', 'first', () => transport.activateSecretVersion(platform.operator, tenant, secret, 1)],
    ] as const) {
      const started = performance.now();
      await change();
      await eventually(async () => expect(await seen('live')).toMatchObject({ life: before.life, files: { [`${secret}/KEY`]: value } }), { withinMs: LIVE_WITHIN_MS, everyMs: 200 });
      console.info(`${what} is in the running pod's files after ${Math.round(performance.now() - started)} ms`);
      const pods = await podsOf(client, tenantId, 'live');
      expect(pods.map(({ metadata, status }) => [metadata.uid, status?.containerStatuses?.[0]?.restartCount])).toEqual([[pod.metadata.uid, 0]]);
    }
    expect((await ofFunction<ReplicaSet>(RESOURCE.replicaSet, functionId)).map(({ metadata }) => metadata.name)).toEqual(before.sets);
    expect(await namesOf(RESOURCE.secret, functionId)).toEqual(before.objects);
  });

  it('go back to an older version with new pods where they are rolling', async () => {
    await transport.activateSecretVersion(platform.operator, tenant, 'rolling-variables-key', 1);
    await eventually(async () => expect(await seen('rolling-variables')).toMatchObject({ environment: 'first' }), { withinMs: ROLLED_WITHIN_MS, everyMs: 300 });
  });

  it('that lost a value are named in the function\'s conditions until they have it again', async () => {
    const message = async () => conditionOf((await platform.operator.get(`/v1/tenants/${tenant}/functions/plain`)).body, 'Ready')?.message;
    await transport.putSecret(platform.operator, tenant, 'plain-key', { OTHER: 'x' });
    await eventually(async () => expect(await message()).toContain('The secret plain-key has no KEY any more; it had one when revision 1 was deployed.'), { withinMs: ROLLED_WITHIN_MS });
    await transport.activateSecretVersion(platform.operator, tenant, 'plain-key', 1);
    await eventually(async () => expect(await message()).not.toContain('any more'), { withinMs: ROLLED_WITHIN_MS });
  });

  it('leave nothing on the cluster with their functions', async () => {
    const names = ['plain', 'both', 'rolling-variables', 'rolling-files', 'live'];
    for (const name of names) await transport.deleteFunction(platform.operator, tenant, name);
    for (const name of names) {
      await eventually(async () => expect((await platform.operator.get(`/v1/tenants/${tenant}/functions/${name}`)).status).toBe(404), { withinMs: ROLLED_WITHIN_MS });
      expect(await leftovers(namespace, name)).toEqual([]);
    }
  });
});
