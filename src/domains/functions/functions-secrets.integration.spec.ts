import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { RecordedCluster } from '../../../test/support/recorded-cluster.js';
import type { Condition, FunctionResource } from '../../contract/function-resource.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import type { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import type { TenantFacts } from '../tenants/tenant-participants.js';

const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } } };
const IMAGE = `registry.example/team/app@sha256:${'a'.repeat(64)}`;
const FUNCTIONS = '/apis/fnplane.dev/v1/functions';
const SECRETS = '/api/v1/secrets';
const PODS = '/api/v1/pods';
const LIVE_FILES = { as: 'files', updates: 'live' };

interface SecretObject extends KubernetesObject {
  data: Record<string, string>;
  immutable?: boolean;
}

let recorded: RecordedCluster;
let api: TestApi;
let cluster: FakeApiServer;
let tenant: TenantFacts;
let namespace: string;
let functions: string;
let secrets: string;

beforeAll(async () => {
  recorded = await RecordedCluster.start();
  ({ api, server: cluster } = recorded);
});
afterAll(() => recorded?.stop());
beforeEach(async () => {
  ({ tenant, namespace } = await recorded.tenant());
  functions = `/v1/tenants/${tenant.name}/functions`;
  secrets = `/v1/tenants/${tenant.name}/secrets`;
  await api.operator.put(`${secrets}/db`, { data: { PASSWORD: 'first', USER: 'shop' } });
});

const rows = <T>(sql: string, values: unknown[] = []): Promise<T[]> => recorded.rows<T>(sql, values);

/** Deployed, built as it were, and put on the cluster. */
async function placed(name: string, body: Record<string, unknown>): Promise<string> {
  const answer = await api.operator.put(`${functions}/${name}`, { ...SOURCE, secrets: ['db'], ...body });
  expect([answer.status, answer.body]).toEqual([202, expect.anything()]);
  const id = answer.body.id as string;
  await rows(`UPDATE revision SET build_state = 'built', image = $2 WHERE function_id = $1`, [id, IMAGE]);
  await run(id);
  return id;
}

function run(id: string): Promise<unknown> {
  return recorded.reconcile(tenant.id, id);
}

async function write(data: Record<string, string>): Promise<void> {
  expect((await api.operator.put(`${secrets}/db`, { data })).status).toBe(200);
}

function resource(name: string): FunctionResource {
  return cluster.find(FUNCTIONS, namespace, name) as FunctionResource;
}

function target(name: string) {
  const { revisions, target: number } = resource(name).spec;
  return revisions.find((revision) => revision.number === number)!;
}

/** As its operator would say once the present spec serves. */
async function settled(name: string): Promise<void> {
  const fn = resource(name);
  const conditions = [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }];
  const { resourceVersion } = cluster.put(FUNCTIONS, { ...fn, metadata: { ...fn.metadata, generation: 1 }, status: { observedGeneration: 1, observedPlatformGeneration: fn.spec.platformGeneration, servingRevision: fn.spec.target, conditions } } as KubernetesObject).metadata;
  const { cluster_id: clusterId } = (await rows<{ cluster_id: string }>('SELECT cluster_id FROM placement WHERE tenant_id = $1', [tenant.id]))[0]!;
  await eventually(async () => expect(recorded.watch.observed(clusterId, { namespace, name })?.metadata.resourceVersion).toBe(resourceVersion), { withinMs: 5_000, everyMs: 10 });
}

function secretObjects(): SecretObject[] {
  const made = new Set(cluster.requests.filter(({ verb, path }) => verb === 'patch' && path.startsWith(`/api/v1/namespaces/${namespace}/secrets/`)).map(({ path }) => path.split('/').at(-1)!));
  return [...made].map((name) => cluster.find(SECRETS, namespace, name) as SecretObject).filter((object) => object !== undefined);
}

const open = (object: KubernetesObject | undefined) => Object.fromEntries(Object.entries((object as SecretObject).data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));

function writesTo(part: string): number {
  return cluster.requests.filter(({ verb, path }) => verb === 'patch' && path.includes(`/namespaces/${namespace}/${part}`)).length;
}

async function ready(name: string): Promise<Condition> {
  const { body } = await api.operator.get(`${functions}/${name}`);
  return (body.status.conditions as Condition[]).find(({ type }) => type === 'Ready')!;
}

describe('a function that says how it wants its secrets', () => {
  const deploy = 'mutation($input: DeployFunctionInput!) { deployFunction(input: $input) { function { secretDelivery { as updates } effective { secretDelivery { as updates } } } userErrors { field message code } } }';

  it('is answered what it said, and what is in force, through both transports', async () => {
    const rest = await api.operator.put(`${functions}/rest`, { ...SOURCE, secrets: ['db'], secretDelivery: { as: 'files' } });
    expect(rest.body).toMatchObject({ secretDelivery: { as: 'files' }, effective: { secretDelivery: { as: 'files', updates: 'rolling' } } });
    const graphql = await api.operator.graphql(deploy, { input: { tenant: tenant.name, function: { name: 'graphql', ...SOURCE, runtime: 'PYTHON', secrets: ['db'], secretDelivery: { as: 'FILES', updates: 'LIVE' } } } });
    expect(graphql.body.data.deployFunction).toEqual({ function: { secretDelivery: { as: 'FILES', updates: 'LIVE' }, effective: { secretDelivery: { as: 'FILES', updates: 'LIVE' } } }, userErrors: [] });
    expect((await api.operator.get(`${functions}/graphql/revisions/1`)).body).toMatchObject({ secretDelivery: LIVE_FILES, effective: { secretDelivery: LIVE_FILES } });
    const plain = await api.operator.put(`${functions}/plain`, SOURCE);
    expect(plain.body).not.toHaveProperty('secretDelivery');
    expect(plain.body.effective.secretDelivery).toEqual({ as: 'environment', updates: 'rolling' });
  });

  it('cannot have a living environment', async () => {
    const pointer = '/secretDelivery/updates';
    expect((await api.operator.put(`${functions}/wrong`, { ...SOURCE, secretDelivery: { updates: 'live' } })).body).toMatchObject({ status: 422, code: 'FUNCTION_INVALID', errors: [{ pointer }] });
    expect((await api.operator.put(`${functions}/wrong`, { ...SOURCE, secretDelivery: { as: 'both', updates: 'live' } })).body.errors[0].pointer).toBe(pointer);
    expect((await api.operator.put(`${functions}/wrong`, { ...SOURCE, secretDelivery: { as: 'envelope' } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/secretDelivery/as' }] });
    const graphql = await api.operator.graphql(deploy, { input: { tenant: tenant.name, function: { name: 'wrong', ...SOURCE, runtime: 'PYTHON', secretDelivery: { updates: 'LIVE' } } } });
    expect(graphql.body.data.deployFunction.userErrors).toMatchObject([{ code: 'FUNCTION_INVALID', field: ['input', 'function', 'secretDelivery', 'updates'] }]);
    expect((await api.operator.get(`${functions}/wrong`)).status).toBe(404);
  });

  it('has a new revision when it says something else, and the default back when it says nothing', async () => {
    await api.operator.put(`${functions}/changing`, { ...SOURCE, secrets: ['db'] });
    const live = await api.operator.patch(`${functions}/changing`, { secretDelivery: LIVE_FILES });
    expect([live.status, live.body.status.targetRevision, live.body.effective.secretDelivery]).toEqual([202, 2, LIVE_FILES]);
    expect((await api.operator.patch(`${functions}/changing`, { secretDelivery: { as: null } })).status).toBe(422);
    const back = await api.operator.patch(`${functions}/changing`, { secretDelivery: null });
    expect([back.body.status.targetRevision, back.body.effective.secretDelivery]).toEqual([3, { as: 'environment', updates: 'rolling' }]);
    expect(back.body).not.toHaveProperty('secretDelivery');
  });

  it('that was deployed before there was a choice goes on as it did', async () => {
    const id = await placed('older', {});
    await rows(`UPDATE revision SET effective = effective - 'secretDelivery', secret_versions = DEFAULT WHERE function_id = $1`, [id]);
    expect((await api.operator.get(`${functions}/older`)).body.effective.secretDelivery).toEqual({ as: 'environment', updates: 'rolling' });
    await run(id);
    expect(target('older')).not.toHaveProperty('secretDelivery');
    expect(open(cluster.find(SECRETS, namespace, target('older').secret!))).toEqual({ PASSWORD: 'first', USER: 'shop' });
  });
});

describe('rolling updates', () => {
  it.each([
    ['the environment', {}, (name: string) => target(name).secret!],
    ['files', { secretDelivery: { as: 'files' } }, (name: string) => target(name).secretFiles![0]!.secret],
  ])('of %s are another object, and the old one goes once the new one serves', async (_, body, nameOf) => {
    const id = await placed('rolling', body);
    const before = nameOf('rolling');
    expect(cluster.find(SECRETS, namespace, before)).toMatchObject({ immutable: true });
    await settled('rolling');
    await write({ PASSWORD: 'second', USER: 'shop' });
    await run(id);
    const after = nameOf('rolling');
    expect(after).not.toBe(before);
    expect(open(cluster.find(SECRETS, namespace, after))).toEqual({ PASSWORD: 'second', USER: 'shop' });
    await settled('rolling');
    await run(id);
    expect(secretObjects().map(({ metadata }) => metadata.name)).toEqual([after]);
    expect(JSON.stringify(resource('rolling'))).not.toMatch(/first|second/);
  });

  it('of both forms are in both', async () => {
    await api.operator.put(`${secrets}/api`, { data: { KEY: 'k', USER: 'api' } });
    await placed('both', { secrets: ['db', 'api'], secretDelivery: { as: 'both' }, environment: { PASSWORD: 'own' } });
    const { secret, secretFiles } = target('both');
    expect(open(cluster.find(SECRETS, namespace, secret!))).toEqual({ USER: 'api', KEY: 'k' });
    expect(secretFiles!.map(({ name, secret: object }) => [name, open(cluster.find(SECRETS, namespace, object))])).toEqual([['db', { PASSWORD: 'first', USER: 'shop' }], ['api', { KEY: 'k', USER: 'api' }]]);
  });
});

describe('live updates', () => {
  const liveObject = (name: string) => cluster.find(SECRETS, namespace, target(name).secretFiles![0]!.secret) as SecretObject;

  it('change the object in place and nothing of the Function, and hurry the pods that ran before', async () => {
    const id = await placed('live', { secretDelivery: LIVE_FILES });
    const before = liveObject('live');
    expect([open(before), before.immutable, target('live').secret]).toEqual([{ PASSWORD: 'first', USER: 'shop' }, undefined, undefined]);
    await settled('live');
    const labels = { 'fnplane.dev/function-id': id };
    const pod = (name: string, creationTimestamp: Date) => cluster.put(PODS, { metadata: { name, namespace, labels, creationTimestamp: creationTimestamp.toISOString() } });
    pod('old', new Date(Date.now() - 60_000));
    pod('made-later', new Date(Date.now() + 60_000));
    const functionWrites = writesTo('functions/');
    await write({ PASSWORD: 'second', USER: 'shop' });
    await run(id);
    const after = liveObject('live');
    expect([after.metadata.uid, open(after)]).toEqual([before.metadata.uid, { PASSWORD: 'second', USER: 'shop' }]);
    expect(writesTo('functions/')).toBe(functionWrites);
    const mark = (name: string) => cluster.find(PODS, namespace, name)!.metadata.annotations?.['fnplane.dev/live-secrets'];
    expect([mark('old'), mark('made-later')]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), undefined]);
    // Again nothing is new: no pod is told twice.
    const podWrites = writesTo('pods/');
    await run(id);
    expect(writesTo('pods/')).toBe(podWrites);
    await api.operator.post(`${secrets}/db/versions/1/activation`);
    const told = mark('old');
    await run(id);
    expect(open(liveObject('live'))).toEqual({ PASSWORD: 'first', USER: 'shop' });
    expect(mark('old')).not.toBe(told);
    expect(secretObjects()).toHaveLength(1);
  });

  it('follow a value that went, too', async () => {
    const id = await placed('shrinking', { secretDelivery: LIVE_FILES });
    await write({ USER: 'shop' });
    await run(id);
    expect(open(liveObject('shrinking'))).toEqual({ USER: 'shop' });
  });

  it('put right what somebody else wrote into the object', async () => {
    const id = await placed('tampered', { secretDelivery: LIVE_FILES });
    const object = liveObject('tampered');
    cluster.put(SECRETS, { ...object, data: { ...object.data, PASSWORD: '' } } as KubernetesObject);
    await run(id);
    expect(open(liveObject('tampered'))).toEqual({ PASSWORD: 'first', USER: 'shop' });
  });

  it('keep their object while an older revision serves from it, and lose it with the last one that names it', async () => {
    const id = await placed('leaving', { secretDelivery: LIVE_FILES });
    const { name } = liveObject('leaving').metadata;
    await settled('leaving');
    await placed('leaving', { secretDelivery: { as: 'environment' } });
    expect(resource('leaving').spec.revisions.map(({ number, secretFiles }) => [number, secretFiles?.[0]?.secret])).toEqual([[1, name], [2, undefined]]);
    expect(cluster.find(SECRETS, namespace, name)).toBeDefined();
    await settled('leaving');
    await run(id);
    await settled('leaving');
    await run(id);
    expect(secretObjects().map(({ metadata }) => metadata.name)).toEqual([target('leaving').secret]);
  });

  it('do without the hurry where the cluster allows no change of pods', async () => {
    const id = await placed('slow', { secretDelivery: LIVE_FILES });
    cluster.put(PODS, { metadata: { name: 'slow', namespace, labels: { 'fnplane.dev/function-id': id }, creationTimestamp: '2026-01-01T00:00:00Z' } });
    await settled('slow');
    await write({ PASSWORD: 'second' });
    cluster.fail('list', { kind: 'status', status: 403, reason: 'Forbidden', message: 'no' });
    await run(id);
    expect(open(liveObject('slow'))).toEqual({ PASSWORD: 'second' });
    expect((await ready('slow')).reason).not.toBe('AdmissionRefused');
  });
});

describe('a secret that lost something', () => {
  it('is named in the Function for its owner, until it has it again', async () => {
    const id = await placed('missing', {});
    expect(target('missing')).not.toHaveProperty('missingValues');
    await write({ USER: 'shop' });
    await run(id);
    expect(target('missing').missingValues).toEqual(['db/PASSWORD']);
    await write({});
    await run(id);
    expect(target('missing').missingValues).toEqual(['db']);
    expect(target('missing')).not.toHaveProperty('secret');
    await api.operator.post(`${secrets}/db/versions/1/activation`);
    await run(id);
    expect(target('missing')).not.toHaveProperty('missingValues');
  });

  it('is not missed by a revision that was deployed without it', async () => {
    await placed('later', {});
    await write({ USER: 'shop' });
    await placed('later', { environment: { NEW: 'revision' } });
    expect(resource('later').spec.revisions.map(({ number, missingValues }) => [number, missingValues])).toEqual([[2, undefined]]);
  });

  it('without any value stops the change, and says so in words', async () => {
    const id = await placed('empty', {});
    await rows('UPDATE secret_version SET key_id = NULL, wrapped_key = NULL, sealed = NULL, destroyed_at = now() WHERE tenant_id = $1', [tenant.id]);
    await run(id);
    expect(await ready('empty')).toMatchObject({
      status: 'False', reason: 'ConfigurationMissing', message: 'The secret db has no value any more; give it a new one, or make a version that is kept the current one.',
    });
    expect(open(cluster.find(SECRETS, namespace, target('empty').secret!))).toMatchObject({ PASSWORD: 'first' });
    await write({ PASSWORD: 'again' });
    await run(id);
    expect(open(cluster.find(SECRETS, namespace, target('empty').secret!))).toEqual({ PASSWORD: 'again' });
  });
});

describe('a secret for brokers', () => {
  const kafka = { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop', tls: true, sasl: 'SCRAM-SHA-256', secret: 'db' };
  const scaling = { min: 0, max: 2, metric: 'kafka-lag', target: 50, kafka };
  const credentials = { KAFKA_USERNAME: 'shop', KAFKA_PASSWORD: 'first', OTHER: 'kept out' };

  it('comes to the cluster as far as brokers need it, follows new values, and is in use until the function follows something else', async () => {
    await write(credentials);
    const id = await placed('reads', { secrets: [], scaling });
    const name = () => resource('reads').spec.scaling.kafka?.secret ?? '';
    const first = name();
    expect(resource('reads').spec.scaling).toMatchObject({ metric: 'kafka-lag', target: 50, kafka: { ...kafka, startPosition: 'earliest', secret: expect.stringMatching(/^reads-kafka-[0-9a-f]{16}$/) } });
    expect(open(cluster.find(SECRETS, namespace, first) as SecretObject)).toEqual({ KAFKA_USERNAME: 'shop', KAFKA_PASSWORD: 'first' });
    expect(target('reads')).not.toHaveProperty('secret');
    const shown = (await api.operator.get(`${functions}/reads`)).body;
    expect([shown.scaling.kafka, shown.effective.scaling.kafka.secret]).toEqual([kafka, 'db']);

    await write({ ...credentials, KAFKA_PASSWORD: 'second' });
    await run(id);
    expect(name()).not.toBe(first);
    expect(open(cluster.find(SECRETS, namespace, name()) as SecretObject)).toMatchObject({ KAFKA_PASSWORD: 'second' });
    expect((await api.operator.delete(`${secrets}/db`)).body).toMatchObject({ code: 'SECRET_IN_USE', detail: expect.stringContaining('reads') });

    await settled('reads');
    expect((await api.operator.patch(`${functions}/reads`, { scaling: { metric: 'requests', kafka: null } })).status).toBe(202);
    await run(id);
    expect(resource('reads').spec.scaling).not.toHaveProperty('kafka');
    expect((await api.operator.delete(`${secrets}/db`)).status).toBe(204);
  });

  it('can be named through GraphQL, and is asked for again there', async () => {
    await write(credentials);
    await placed('reads', { secrets: [] });
    const change = { scaling: { min: 0, max: 2, metric: 'KAFKA_LAG', kafka: { ...kafka, sasl: 'SCRAM_SHA_256', startPosition: 'LATEST' } } };
    const fields = 'function { scaling { kafka { brokers topic consumerGroup startPosition tls sasl secret } } effective { scaling { metric target } } } userErrors { code field }';
    const { body } = await api.operator.graphql(`mutation($input: PatchFunctionInput!) { patchFunction(input: $input) { ${fields} } }`, { input: { tenant: tenant.name, function: 'reads', change } });
    expect(body.data.patchFunction).toEqual({
      function: { scaling: { kafka: change.scaling.kafka }, effective: { scaling: { metric: 'KAFKA_LAG', target: 100 } } }, userErrors: [],
    });
    await api.operator.graphql('mutation($input: PatchFunctionInput!) { patchFunction(input: $input) { userErrors { code } } }', { input: { tenant: tenant.name, function: 'reads', change: { scaling: { kafka: { topic: 'returns' } } } } });
    expect((await api.operator.get(`${functions}/reads`)).body.scaling.kafka).toMatchObject({ topic: 'returns', consumerGroup: 'shop' });
  });
});
