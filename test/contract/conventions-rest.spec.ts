import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../deploy/local/http-client.ts';
import { AUDITED } from '../../src/platform/audit/audited.js';
import { buildOpenApi } from '../../src/platform/rest/open-api.js';
import { SKIP_MUTATION_RUNNER } from '../../src/platform/rest/mutation-options.js';
import { eventually } from '../support/eventually.js';
import { restExample, sendExample } from './conventions/rest-examples.js';
import { auditOf, buildGate, isRunning, tables, whileChangesWait } from './conventions/tables.js';
import { World } from './conventions/world.js';

interface OpenApi {
  paths: Record<string, Record<string, unknown>>;
}

const DOCUMENT = JSON.parse(readFileSync('openapi.json', 'utf8')) as OpenApi;
const ROUTES = routesOf(DOCUMENT);
const CHANGING = ROUTES.filter((route) => !/^(GET|HEAD|OPTIONS) /.test(route));
/** Idempotent by their address, or only passed on. */
const NOT_REPLAYED = ['PUT /v1/tenants/{tenant}/code/{digest}', 'POST /v1/tenants/{tenant}/functions/{function}/invocations'];
/** They change nothing of the platform's. */
const PASSED_ON = ['POST /v1/tenants/{tenant}/functions/{function}/invocations'];
/** As many as there are invocations. */
const NOT_AUDITED = [...PASSED_ON, 'POST /v1/tenants/{tenant}/functions/{function}/async-invocations'];
/** For members only: operators do not invoke in tenants of others. */
const INVOKING = ['POST /v1/tenants/{tenant}/functions/{function}/async-invocations', 'POST /v1/tenants/{tenant}/async-invocations/redrive', 'POST /v1/tenants/{tenant}/async-invocations/{asyncInvocation}/redrive',
  'POST /v1/tenants/{tenant}/cron-triggers/{cronTrigger}/run'];
const REPLAYED = CHANGING.filter((route) => !NOT_REPLAYED.includes(route));
const CHECKABLE = CHANGING.filter((route) => !PASSED_ON.includes(route));
const RECORDED = CHANGING.filter((route) => !NOT_AUDITED.includes(route));
/** Content under its own hash never changes. */
const ON_VERSIONS = CHANGING.filter((route) => /^(PUT|PATCH|DELETE) /.test(route) && !NOT_REPLAYED.includes(route));

function routesOf(document: OpenApi): string[] {
  return Object.entries(document.paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)).sort();
}

let world: World;
let strict: World;
beforeAll(async () => {
  [world, strict] = await Promise.all([World.start(), World.start({ FNPLANE_IF_MATCH: 'required' })]);
  await buildGate(world);
});
afterAll(() => Promise.all([world.stop(), strict.stop()]));

async function etagOf(client: HttpClient, path: string): Promise<string> {
  const answer = await client.get(path);
  expect([path, answer.status, answer.headers.get('etag')]).toEqual([path, 200, expect.stringMatching(/^"[^"\s]+"$/)]);
  return answer.headers.get('etag')!;
}

it('the routes proved here are those the API serves', () => {
  expect(ROUTES).toEqual(routesOf(JSON.parse(JSON.stringify(buildOpenApi(world.api.plane.http!))) as OpenApi));
});

it('handlers without idempotency keys or audit entries are the few that are named', () => {
  const { app } = world.api.plane;
  const reflector = app.get(Reflector, { strict: false });
  const found: Record<'changing' | 'unmarked' | 'notReplayed' | 'notAudited', string[]> = { changing: [], unmarked: [], notReplayed: [], notAudited: [] };
  for (const wrapper of [...app.get(ModulesContainer, { strict: false }).values()].flatMap((module) => [...module.controllers.values(), ...module.providers.values()])) {
    const prototype = wrapper.instance && wrapper.metatype ? (Object.getPrototypeOf(wrapper.instance) as Record<string, unknown> | null) : null;
    for (const name of prototype ? new MetadataScanner().getAllMethodNames(prototype) : []) {
      const handler = prototype![name] as never;
      const rest = Reflect.hasMetadata('path', handler) && (Reflect.getMetadata('method', handler) as number) !== 0;
      if (!rest && Reflect.getMetadata('graphql:resolver_type', handler) !== 'Mutation') continue;
      const title = `${String(wrapper.name)}.${name}`;
      found.changing.push(title);
      if (reflector.get(AUDITED, handler) === undefined) found.unmarked.push(title);
      if (reflector.get(AUDITED, handler) === null) found.notAudited.push(title);
      if (reflector.get(SKIP_MUTATION_RUNNER, handler)) found.notReplayed.push(title);
    }
  }
  expect(found.changing.length).toBeGreaterThan(CHANGING.length);
  expect(found.unmarked).toEqual([]);
  expect(found.notReplayed.sort()).toEqual(['CodeController.put', 'InvocationsController.invoke']);
  expect(found.notAudited.sort()).toEqual(['AcceptInvocationsController.accept', 'AsyncInvocationsResolver.invokeFunctionAsync', 'InvocationsController.invoke', 'InvocationsResolver.invokeFunction']);
});

describe.each(REPLAYED)('%s with an Idempotency-Key', (route) => {
  it('answers the same again and does nothing twice; another request with the key is refused', async () => {
    const example = await restExample(world, route);
    const other = { ...example, body: (await restExample(world, route)).body };
    const headers = { 'idempotency-key': randomUUID() };
    const first = await sendExample(world.operator, route, example, { headers });
    expect([route, first.status, JSON.stringify(first.body)]).toEqual([route, expect.toSatisfy((status: number) => status < 300), expect.anything()]);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const before = await tables(world, { all: true });
    const second = await sendExample(world.operator, route, example, { headers });
    expect({ status: second.status, body: second.body as unknown, location: second.headers.get('location'), etag: second.headers.get('etag'), replayed: second.headers.get('idempotency-replayed') })
      .toEqual({ status: first.status, body: first.body as unknown, location: first.headers.get('location'), etag: first.headers.get('etag'), replayed: 'true' });
    // Where the body is always the same, or none, what it is based on makes it another request.
    const asked = JSON.stringify(other.body) === JSON.stringify(example.body) ? { ...headers, 'if-match': '*' } : headers;
    const reused = await sendExample(world.operator, route, other, { headers: asked });
    expect([reused.status, reused.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    const after = await tables(world, { all: true });
    expect({ ...after, audit_entry: undefined }).toEqual({ ...before, audit_entry: undefined });
  });

  it('makes who repeats it wait while it runs', async () => {
    const example = await restExample(world, route);
    const key = randomUUID();
    const [first, second] = await whileChangesWait(world, async () => {
      const running = sendExample(world.operator, route, example, { headers: { 'idempotency-key': key } });
      await eventually(async () => await isRunning(world, key) || Promise.reject(new Error('the first request has not begun')), { withinMs: 10_000, everyMs: 20 });
      return [running, await sendExample(world.operator, route, example, { headers: { 'idempotency-key': key } })] as const;
    });
    expect([second.status, second.body.code, second.headers.get('retry-after')]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT', '1']);
    expect((await first).status).toBeLessThan(300);
  });

  it('refuses keys that are none', async () => {
    const example = await restExample(world, route);
    const before = await tables(world, { all: true });
    for (const key of ['x'.repeat(256), 'schlüssel', 'with space']) {
      const answer = await sendExample(world.operator, route, example, { headers: { 'idempotency-key': key } });
      expect([answer.status, answer.body.code]).toEqual([400, 'IDEMPOTENCY_KEY_INVALID']);
      const checked = await sendExample(world.operator, route, example, { headers: { 'idempotency-key': key }, query: '?validateOnly=true' });
      expect([checked.status, checked.body.code]).toEqual([400, 'IDEMPOTENCY_KEY_INVALID']);
    }
    expect(await tables(world, { all: true })).toEqual(before);
    expect((await sendExample(world.operator, route, example, { headers: { 'idempotency-key': 'k'.repeat(255 - 36) + randomUUID() } })).status).toBeLessThan(300);
  });

  it('keeps the keys of principals apart', async () => {
    const [example, elsewhere] = [await restExample(world, route), await restExample(world, route)];
    const headers = { 'idempotency-key': randomUUID() };
    const somebody = INVOKING.includes(route) ? await world.developer(elsewhere.path.split('/')[3]!) : await world.anotherOperator();
    for (const answer of [await sendExample(world.operator, route, example, { headers }), await sendExample(somebody, route, elsewhere, { headers })]) {
      expect([answer.status, answer.headers.get('idempotency-replayed')]).toEqual([expect.toSatisfy((status: number) => status < 300), null]);
    }
  });
});

describe.each(CHECKABLE)('%s with validateOnly', (route) => {
  it('answers what it would answer (200, or 204 where there is nothing to tell), and leaves every table as it was', async () => {
    const example = await restExample(world, route);
    const before = await tables(world, { all: true });
    const checked = await sendExample(world.operator, route, example, { query: '?validateOnly=true' });
    expect(await tables(world, { all: true })).toEqual(before);
    const done = await sendExample(world.operator, route, example);
    expect([route, done.status]).toEqual([route, expect.toSatisfy((status: number) => status < 300)]);
    expect([route, checked.status]).toEqual([route, done.status === 204 ? 204 : 200]);
    expect(shapeOf(checked.body)).toEqual(shapeOf(done.body));
    const garbled = await sendExample(world.operator, route, await restExample(world, route), { query: '?validateOnly=perhaps' });
    expect([garbled.status, garbled.body.errors?.[0]?.pointer]).toEqual([422, '?validateOnly']);
  });
});

it.each(PASSED_ON)('%s takes no validateOnly: nobody can say what a function would do', async (route) => {
  const example = await restExample(world, route);
  const developer = await world.developer(example.path.split('/')[3]!);
  const answer = await sendExample(developer, route, example, { query: '?validateOnly=true' });
  expect([answer.status, answer.body.code]).toEqual([422, 'VALIDATION_FAILED']);
});

describe.each(ON_VERSIONS)('%s with If-Match', (route) => {
  it('refuses what has changed meanwhile and takes what has not', async () => {
    const example = await restExample(world, route);
    const etag = await etagOf(world.operator, example.resource ?? example.path);
    const before = await tables(world);
    const stale = await sendExample(world.operator, route, example, { headers: { 'if-match': '"00000000-999"' } });
    expect([stale.status, stale.body.code]).toEqual([412, 'ETAG_MISMATCH']);
    for (const garbage of ['no quotes', '"a", "b"', `W/${etag}`, '""']) {
      const answer = await sendExample(world.operator, route, example, { headers: { 'if-match': garbage } });
      expect([garbage, answer.status, answer.body.code]).toEqual([garbage, 400, 'ETAG_INVALID']);
    }
    expect({ ...await tables(world), audit_entry: undefined }).toEqual({ ...before, audit_entry: undefined });
    expect((await sendExample(world.operator, route, example, { headers: { 'if-match': etag } })).status).toBeLessThan(300);
  });

  it('is told to send it where the installation demands it', async () => {
    const example = await restExample(strict, route);
    const before = await tables(strict);
    const bare = await sendExample(strict.operator, route, example);
    expect([bare.status, bare.body.code, bare.body.detail]).toEqual([428, 'IF_MATCH_REQUIRED', expect.stringMatching(/send its ETag as If-Match/)]);
    expect({ ...await tables(strict), audit_entry: undefined }).toEqual({ ...before, audit_entry: undefined });
    const etag = await etagOf(strict.operator, example.resource ?? example.path);
    expect((await sendExample(strict.operator, route, example, { headers: { 'if-match': etag } })).status).toBeLessThan(300);
  });
});

it('keys of one tenant are none of another', async () => {
  const headers = { 'idempotency-key': randomUUID() };
  const body = { name: 'same', data: { A: '1' } };
  const [one, two] = [await world.tenant(), await world.tenant()];
  const answers = [await world.operator.post(`${one.path}/configs`, body, { headers }), await world.operator.post(`${two.path}/configs`, { ...body, data: { A: '2' } }, { headers })];
  expect(answers.map((answer) => [answer.status, answer.headers.get('idempotency-replayed')])).toEqual([[201, null], [201, null]]);
});

it('PUT of what does not exist needs no If-Match, also where it is demanded', async () => {
  const at = `/v1/tenants/${strict.home}`;
  const made = [
    await strict.operator.put(`${at}/configs/fresh`, { data: { A: '1' } }),
    await strict.operator.put(`${at}/secrets/fresh`, { data: { A: '1' } }),
    await strict.operator.put(`${at}/functions/fresh`, strict.functionBody('fresh')),
  ];
  expect(made.map((answer) => answer.status)).toEqual([201, 201, 202]);
  expect((await strict.operator.delete(`${at}/configs/fresh`, { headers: { 'if-match': '*' } })).status).toBe(204);
});

describe.each(RECORDED)('%s in the audit log', (route) => {
  it('leaves one entry when it is refused, under the action that stands there when it is done', async () => {
    const example = await restExample(world, route);
    const [refusedId, doneId] = [randomUUID(), randomUUID()];
    const refused = await sendExample(world.nextViewer(), route, example, { headers: { 'x-request-id': refusedId } });
    // Whose invitation it is not is told nothing of it.
    const [status, code] = route.startsWith('POST /v1/me/invitations') ? [404, 'INVITATION_NOT_FOUND'] : [403, 'PERMISSION_DENIED'];
    expect([route, refused.status, refused.body.code]).toEqual([route, status, code]);
    const entries = await auditOf(world, refusedId);
    expect(entries).toEqual([{ action: expect.any(String) as string, result: 'refused', code, principal: expect.stringMatching(/^user:.*viewer-/) as string, tenantId: route.includes('{tenant}') ? expect.any(String) as string : null }]);
    expect((await sendExample(world.operator, route, example, { headers: { 'x-request-id': doneId } })).status).toBeLessThan(300);
    const done = await auditOf(world, doneId);
    expect(done.map((entry) => entry.action)).toContain(entries[0]!.action);
    expect(new Set(done.map((entry) => entry.result))).toEqual(new Set(['done']));
  });
});

/** Names of all fields: what differs from one run to the next are ids and times. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return typeof value;
  return Object.fromEntries(Object.entries(value).sort().map(([name, part]) => [name, shapeOf(part)]));
}
