import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { buildSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { codesOf, graphqlExample, sendMutation, takes } from './conventions/graphql-examples.js';
import { auditOf, buildGate, isRunning, tables, whileChangesWait } from './conventions/tables.js';
import { World } from './conventions/world.js';

const MUTATIONS = Object.values(buildSchema(readFileSync('schema.graphql', 'utf8')).getMutationType()!.getFields());
/** Only passed on. */
const NOT_REPLAYED = ['invokeFunction'];
/** For members only: operators do not invoke in tenants of others. */
const INVOKING = ['invokeFunctionAsync', 'redriveAsyncInvocation', 'redriveAsyncInvocations', 'runCronTrigger'];
/** As many as there are invocations. */
const NOT_AUDITED = ['invokeFunctionAsync'];
const REPLAYED = MUTATIONS.filter(({ name }) => !NOT_REPLAYED.includes(name)).map((mutation) => ({ name: mutation.name, mutation }));
/** What adds something new has nothing it could be based on. */
const ON_VERSIONS = REPLAYED.filter(({ mutation }) => takes(mutation, 'ifMatch'));

let world: World;
let strict: World;
beforeAll(async () => {
  [world, strict] = await Promise.all([World.start(), World.start({ FNPLANE_IF_MATCH: 'required' })]);
  await buildGate(world);
});
afterAll(() => Promise.all([world.stop(), strict.stop()]));

async function etagOf(on: World, path: string): Promise<string> {
  return (await on.operator.get(path)).headers.get('etag')!.replaceAll('"', '');
}

it('the mutations proved here are those the API serves, and those that take no key or etag are named', () => {
  const served = Object.values(world.api.plane.app.get(GraphQLSchemaHost, { strict: false }).schema.getMutationType()!.getFields()).map((mutation) => mutation.name);
  expect(MUTATIONS.map((mutation) => mutation.name).sort()).toEqual(served.sort());
  expect(MUTATIONS.filter((mutation) => !takes(mutation, 'validateOnly') || !takes(mutation, 'idempotencyKey')).map((mutation) => mutation.name)).toEqual(NOT_REPLAYED);
  expect(REPLAYED.filter(({ mutation }) => !takes(mutation, 'ifMatch')).map(({ name }) => name).sort()).toEqual(['acceptInvitation', 'addMember', 'createApiKey', 'createCronTrigger', 'createKafkaTrigger', 'createTenant', 'createTrigger', 'createWebhook', 'inviteMember', 'invokeFunctionAsync', 'purgeAsyncInvocations', 'redriveAsyncInvocations', 'registerCluster', 'rewrapSecrets', 'runCronTrigger']);
});

describe.each(REPLAYED)('$name with an idempotencyKey', ({ name, mutation }) => {
  it('answers the same again and does nothing twice; another input with the key is refused', async () => {
    const [{ input }, other] = [await graphqlExample(world, name), await graphqlExample(world, name)];
    const idempotencyKey = randomUUID();
    const first = await sendMutation(world.operator, mutation, { ...input, idempotencyKey });
    expect([name, codesOf(first, name), first.body.errors]).toEqual([name, [], undefined]);
    const before = await tables(world, { all: true });
    expect((await sendMutation(world.operator, mutation, { ...input, idempotencyKey })).body).toEqual(first.body);
    // Another input in the scope of the key: that of its principal and tenant.
    const scoped = 'tenant' in input && typeof input.tenant === 'string' ? { ...other.input, tenant: input.tenant } : other.input;
    const same = JSON.stringify(scoped) === JSON.stringify(input);
    const changed = same && takes(mutation, 'ifMatch') ? { ...scoped, ifMatch: '*' } : scoped;
    // One without any input cannot be asked for differently.
    const refused = Object.keys(input).length > 0 ? ['IDEMPOTENCY_KEY_REUSED'] : [];
    expect(codesOf(await sendMutation(world.operator, mutation, { ...changed, idempotencyKey }), name)).toEqual(refused);
    const after = await tables(world, { all: true });
    expect({ ...after, audit_entry: undefined }).toEqual({ ...before, audit_entry: undefined });
  });

  it('makes who repeats it wait while it runs', async () => {
    const { input } = await graphqlExample(world, name);
    const idempotencyKey = randomUUID();
    const [first, second] = await whileChangesWait(world, async () => {
      const running = sendMutation(world.operator, mutation, { ...input, idempotencyKey });
      await eventually(async () => await isRunning(world, idempotencyKey) || Promise.reject(new Error('the first mutation has not begun')), { withinMs: 10_000, everyMs: 20 });
      return [running, await sendMutation(world.operator, mutation, { ...input, idempotencyKey })] as const;
    });
    expect(codesOf(second, name)).toEqual(['IDEMPOTENCY_IN_FLIGHT']);
    expect(codesOf(await first, name)).toEqual([]);
  });

  it('refuses keys that are none', async () => {
    const { input } = await graphqlExample(world, name);
    const before = await tables(world, { all: true });
    expect(codesOf(await sendMutation(world.operator, mutation, { ...input, idempotencyKey: 'x'.repeat(256) }), name)).toEqual(['VALIDATION_FAILED']);
    expect(codesOf(await sendMutation(world.operator, mutation, { ...input, idempotencyKey: 'schlüssel' }), name)).toEqual(['IDEMPOTENCY_KEY_INVALID']);
    expect(await tables(world, { all: true })).toEqual(before);
  });

  it('keeps the keys of principals apart', async () => {
    const [one, two] = [await graphqlExample(world, name), await graphqlExample(world, name)];
    const idempotencyKey = randomUUID();
    const somebody = INVOKING.includes(name) ? await world.developer(two.input.tenant as string) : await world.anotherOperator();
    expect(codesOf(await sendMutation(world.operator, mutation, { ...one.input, idempotencyKey }), name)).toEqual([]);
    expect(codesOf(await sendMutation(somebody, mutation, { ...two.input, idempotencyKey }), name)).toEqual([]);
  });
});

describe.each(REPLAYED)('$name with validateOnly', ({ name, mutation }) => {
  it('answers what it would answer, and leaves every table as it was', async () => {
    const { input } = await graphqlExample(world, name);
    const before = await tables(world, { all: true });
    const checked = await sendMutation(world.operator, mutation, { ...input, validateOnly: true });
    expect([name, codesOf(checked, name), checked.body.errors]).toEqual([name, [], undefined]);
    expect(await tables(world, { all: true })).toEqual(before);
    const done = await sendMutation(world.operator, mutation, input);
    expect(Object.keys(checked.body.data[name] as object).filter((field) => checked.body.data[name][field] !== null))
      .toEqual(Object.keys(done.body.data[name] as object).filter((field) => done.body.data[name][field] !== null));
  });
});

describe.each(ON_VERSIONS)('$name with ifMatch', ({ name, mutation }) => {
  it('refuses what has changed meanwhile and takes what has not', async () => {
    const { input, resource } = await graphqlExample(world, name);
    const etag = await etagOf(world, resource!);
    const before = await tables(world);
    expect(codesOf(await sendMutation(world.operator, mutation, { ...input, ifMatch: '00000000-999' }), name)).toEqual(['ETAG_MISMATCH']);
    expect(codesOf(await sendMutation(world.operator, mutation, { ...input, ifMatch: `"${etag}"` }), name)).toEqual(['ETAG_INVALID']);
    expect({ ...await tables(world), audit_entry: undefined }).toEqual({ ...before, audit_entry: undefined });
    expect(codesOf(await sendMutation(world.operator, mutation, { ...input, ifMatch: etag }), name)).toEqual([]);
  });

  it('is told to send it where the installation demands it', async () => {
    const { input, resource } = await graphqlExample(strict, name);
    const etag = await etagOf(strict, resource!);
    const before = await tables(strict);
    const bare = await sendMutation(strict.operator, mutation, input);
    expect(codesOf(bare, name)).toEqual(['IF_MATCH_REQUIRED']);
    expect(bare.body.data[name].userErrors[0].message).toMatch(/its etag as ifMatch/);
    expect({ ...await tables(strict), audit_entry: undefined }).toEqual({ ...before, audit_entry: undefined });
    expect(codesOf(await sendMutation(strict.operator, mutation, { ...input, ifMatch: etag }), name)).toEqual([]);
  });
});

it('a replay keeps texts that look like times as texts', async () => {
  const { input } = await graphqlExample(world, 'createTenant');
  const displayName = '2026-01-02T03:04:05.678Z';
  const asked = { tenant: { ...(input.tenant as object), displayName }, idempotencyKey: randomUUID() };
  const mutation = MUTATIONS.find(({ name }) => name === 'createTenant')!;
  const first = await sendMutation(world.operator, mutation, asked);
  expect(first.body.data.createTenant.tenant.displayName).toBe(displayName);
  expect((await sendMutation(world.operator, mutation, asked)).body).toEqual(first.body);
});

describe.each(REPLAYED.filter(({ name }) => !NOT_AUDITED.includes(name)))('$name in the audit log', ({ name, mutation }) => {
  it('leaves one entry when it is refused, under the action that stands there when it is done', async () => {
    const { input } = await graphqlExample(world, name);
    const [refusedId, doneId] = [randomUUID(), randomUUID()];
    // Whose invitation it is not is told nothing of it.
    const code = name === 'acceptInvitation' ? 'INVITATION_NOT_FOUND' : 'PERMISSION_DENIED';
    expect(codesOf(await sendMutation(world.nextViewer(), mutation, input, { 'x-request-id': refusedId }), name)).toEqual([code]);
    const entries = await auditOf(world, refusedId);
    expect(entries).toMatchObject([{ result: 'refused', code }]);
    expect(codesOf(await sendMutation(world.operator, mutation, input, { 'x-request-id': doneId }), name)).toEqual([]);
    const done = await auditOf(world, doneId);
    expect(done.map((entry) => entry.action)).toContain(entries[0]!.action);
  });
});
