import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FunctionSpec, RevisionSpec } from '../../contract/function-resource.js';
import { ensureCrd } from './ensure-crd.js';
import { KubernetesClient } from './kubernetes-client.js';
import type { KubernetesObject } from './kubernetes-object.js';
import { RESOURCE } from './resource-type.js';

const IMAGE = `registry.test:5000/tenants/a_b/shop@sha256:${'a'.repeat(64)}`;
const namespace = `crd-test-${randomUUID().slice(0, 8)}`;
let client: KubernetesClient;

beforeAll(async () => {
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path: process.env.KUBECONFIG ?? '' } });
  await ensureCrd(client, 'fnplane-test');
  await client.apply(RESOURCE.namespace, { metadata: { name: namespace } }, { fieldManager: 'fnplane-test' });
}, 60_000);

afterAll(async () => {
  await client.delete(RESOURCE.namespace, { name: namespace });
  await client.close();
});

function revision(number: number, more: Partial<RevisionSpec> = {}): RevisionSpec {
  return {
    number, image: IMAGE, runtime: 'python', handler: 'handler.handle', metering: 'runtime', timeoutSeconds: 10, concurrency: 0,
    resources: { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 64 }, ...more,
  };
}

function spec(more: Record<string, unknown> = {}): FunctionSpec {
  return {
    tenant: 'acme', tenantId: randomUUID(), functionId: randomUUID(), platformGeneration: 1, target: 1, revisions: [revision(1)],
    scaling: { min: 0, max: 2 }, authentication: 'required', suspension: 'none', ...more,
  };
}

/** The server judges without keeping anything. */
const judge = (value: unknown, name = 'shop') => client.apply(RESOURCE.function, { metadata: { name, namespace }, spec: value } as KubernetesObject, { fieldManager: 'fnplane-test', dryRun: true });

test('a right one is taken', async () => {
  await judge(spec({ revisions: [revision(1), revision(2, { configMap: 'shop-1a', secret: 'shop-2b' })], target: 2 }));
});

describe('refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['a target that is not there', spec({ target: 2 }), /target must be among revisions/],
    ['two revisions with one number', spec({ revisions: [revision(1), revision(1)] }), /uplicate/],
    ['no revision', spec({ revisions: [] }), /at least 1/],
    ['an image by tag', spec({ revisions: [revision(1, { image: 'registry.test/a/b:latest' })] }), /image/],
    ['a runtime nobody knows', spec({ revisions: [revision(1, { runtime: 'cobol' as never })] }), /Unsupported value/],
    ['min above max', spec({ scaling: { min: 3, max: 2 } }), /scaling.min must not exceed scaling.max/],
    ['too many pods', spec({ scaling: { min: 0, max: 100_000 } }), /less than or equal to 1000/],
    ['a tenant that is no label', spec({ tenant: 'Acme Inc' }), /tenant/],
    ['an id that is no UUID', spec({ functionId: 'shop' }), /functionId/],
    ['a missing field', { ...spec(), scaling: undefined }, /scaling: Required/],
    ['a field nobody knows', spec({ privileged: true }), /field not declared in schema/],
  ])('%s', async (_what, value, message) => {
    await expect(judge(value)).rejects.toMatchObject({ code: 'KUBERNETES_REFUSED', message: expect.stringMatching(message) });
  });

  test.each(['a---b', 'a'.repeat(41), '1shop'])('the name %s', async (name) => {
    await expect(judge(spec(), name)).rejects.toMatchObject({ code: 'KUBERNETES_REFUSED' });
  });
});

describe('once made', () => {
  const made = spec({ revisions: [revision(1), revision(2)] });
  beforeAll(() => client.apply(RESOURCE.function, { metadata: { name: 'shop', namespace }, spec: made } as KubernetesObject, { fieldManager: 'fnplane-test' }));

  test.each<[string, unknown]>([
    ['the image', { ...made, revisions: [revision(1, { image: IMAGE.replace('aaa', 'bbb') }), revision(2)] }],
    ['the size', { ...made, revisions: [revision(1), revision(2, { resources: { cpuMillis: 200, memoryMb: 128, ephemeralStorageMb: 64 } })] }],
    ['the handler', { ...made, revisions: [revision(1, { handler: 'other.handle' }), revision(2)] }],
    ['the tenant\'s id', { ...made, tenantId: randomUUID() }],
    ['the function\'s id', { ...made, functionId: randomUUID() }],
  ])('%s cannot change', async (_what, value) => {
    await expect(judge(value)).rejects.toMatchObject({ code: 'KUBERNETES_REFUSED', message: expect.stringMatching(/cannot be changed/) });
  });

  test('configuration, target and the list of revisions can', async () => {
    await judge({ ...made, target: 3, revisions: [revision(2, { configMap: 'shop-new' }), revision(3)] });
  });

  test('what the operator says stands in the table', async () => {
    const condition = { type: 'Ready', status: 'True', reason: 'Ready', message: 'Revision 1 serves.', lastTransitionTime: '2026-01-01T00:00:00Z' };
    await client.patchStatus(RESOURCE.function, { namespace, name: 'shop' }, { servingRevision: 1, replicas: 2, readyReplicas: 1, conditions: [condition] });
    const table = JSON.parse(await client.raw('GET', `/apis/fnplane.dev/v1/namespaces/${namespace}/functions`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })) as {
      columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[];
    };
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Tenant', 'Ready', 'Reason', 'Serving', 'Target', 'Pods', 'Wanted', 'Age', 'Message']);
    expect(table.rows[0]?.cells.slice(0, 8)).toEqual(['shop', 'acme', 'True', 'Ready', 1, 1, 1, 2]);
  });
});
