import { randomUUID } from 'node:crypto';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../deploy/local/http-client.ts';
import { buildOpenApi } from '../../src/platform/rest/open-api.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { makeOperation } from '../support/graphql-documents.js';
import { addKey, addMember, makeTeam, type Team } from '../support/teams.js';

/** Parts of an answer that differ from request to request. */
const CHANGING = ['date', 'x-request-id', 'ratelimit'];

/** All that an answer tells, with what was asked for and the request's id taken out. */
function told({ status, headers, body }: HttpAnswer, asked: string): unknown {
  const text = JSON.stringify(body).replaceAll(asked, 'ASKED').replaceAll(headers.get('x-request-id') ?? '', 'REQUEST');
  return { status, headers: [...headers].filter(([name]) => !CHANGING.includes(name)).sort(), body: JSON.parse(text) as unknown };
}

describe('what a caller may not read', () => {
  let api: TestApi;
  let ours: Team;
  let theirs: Team;
  let routes: { verb: string; path: string }[];
  /** Who asks: a person of the other tenant, and its API key. */
  let strangers: HttpClient[];

  beforeAll(async () => {
    api = await startApi();
    [ours, theirs] = [await makeTeam(api), await makeTeam(api)];
    await addKey(api, ours, 'viewer');
    for (const [collection, body] of [['configs', { name: 'settings', data: { A: '1' } }], ['secrets', { name: 'tokens', data: { A: '1' } }]] as const) {
      expect((await ours.owner.post(`${ours.path}/${collection}`, body)).status).toBe(201);
    }
    expect((await ours.owner.put(`${ours.path}/functions/hello`, { name: 'hello', runtime: 'node', source: { inline: { 'handler.mjs': 'export const handle = () => 1;' } } })).status).toBe(202);
    strangers = [theirs.owner, (await addKey(api, theirs, 'owner')).client];
    routes = Object.entries(buildOpenApi(api.plane.http!).paths).flatMap(([path, item]) => Object.keys(item as object).map((verb) => ({ verb: verb.toUpperCase(), path })));
  });
  afterAll(() => api.stop());

  const ask = (client: HttpClient, verb: string, path: string): Promise<HttpAnswer> => client.send(verb, path, verb === 'GET' ? {} : { body: {} });

  it('is a tenant of others: on every route it answers as one that does not exist, by name and by id', async () => {
    const those = routes.filter(({ path }) => path.includes('{tenant}'));
    expect(those.length).toBeGreaterThan(30);
    for (const { verb, path } of those) {
      const address = (tenant: string): string => path.replace('{tenant}', tenant).replaceAll(/\{[^}]+\}/g, 'x1');
      for (const client of strangers) {
        for (const [hidden, missing] of [[ours.name, randomName('team')], [ours.id, randomUUID()]] as const) {
          const [there, nowhere] = [await ask(client, verb, address(hidden)), await ask(client, verb, address(missing))];
          expect([verb, path, told(there, hidden)]).toEqual([verb, path, told(nowhere, missing)]);
          expect([verb, path, there.status, there.body.code]).toEqual([verb, path, 404, 'TENANT_NOT_FOUND']);
        }
      }
    }
  });

  it('is a thing of others: asked for in one\'s own tenant it answers as one that does not exist', async () => {
    const things = new Map<string, { id: string; name?: string }>();
    for (const { path } of routes.filter((route) => route.verb === 'GET')) {
      const collection = /^\/v1\/tenants\/\{tenant\}\/([^/{}]+)$/.exec(path)?.[1];
      const { body } = collection ? await ours.owner.get(`${ours.path}/${collection}`) : { body: {} };
      if (collection && Array.isArray(body.items) && body.items.length > 0) things.set(collection, body.items[0] as { id: string; name?: string });
    }
    expect([...things.keys()]).toEqual(expect.arrayContaining(['api-keys', 'configs', 'functions', 'members', 'operations', 'secrets']));
    let asked = 0;
    for (const { verb, path } of routes) {
      const thing = things.get(/^\/v1\/tenants\/\{tenant\}\/([^/{}]+)\/\{/.exec(path)?.[1] ?? '');
      // A PUT to what is not there makes it.
      if (!thing?.id || verb === 'PUT') continue;
      const address = (reference: string): string => path.replace('{tenant}', theirs.name).replace(/\{[^}]+\}/, reference).replaceAll(/\{[^}]+\}/g, '1');
      for (const [hidden, missing] of [[thing.id, randomUUID()], ...(thing.name ? [[thing.name, randomName('x').slice(0, thing.name.length)]] : [])] as [string, string][]) {
        const [there, nowhere] = [await ask(theirs.owner, verb, address(hidden)), await ask(theirs.owner, verb, address(missing))];
        expect([verb, path, told(there, hidden)]).toEqual([verb, path, told(nowhere, missing)]);
        if (verb === 'GET' || verb === 'DELETE') expect([verb, path, there.status]).toEqual([verb, path, 404]);
        asked += 1;
      }
    }
    expect(asked).toBeGreaterThan(15);
  });

  it('answers alike in every GraphQL operation, too', async () => {
    const { schema } = api.plane.app.get(GraphQLSchemaHost, { strict: false });
    let asked = 0;
    for (const [kind, root] of [['query', schema.getQueryType()], ['mutation', schema.getMutationType()]] as const) {
      for (const field of Object.values(root!.getFields())) {
        for (const [hidden, missing] of [[ours.name, randomName('team')], [ours.id, randomUUID()]] as const) {
          const operations = [hidden, missing].map((tenant) => makeOperation(kind, field, tenant));
          if (!JSON.stringify(operations[0]).includes(hidden)) continue;
          const [there, nowhere] = await Promise.all(operations.map(({ query, variables }) => theirs.owner.graphql(query, variables)));
          expect([field.name, told(there!, hidden)]).toEqual([field.name, told(nowhere!, missing)]);
          expect([field.name, there!.body.errors[0].extensions.code]).toEqual([field.name, 'TENANT_NOT_FOUND']);
          asked += 1;
        }
      }
    }
    expect(asked).toBeGreaterThan(60);
  });

  it('is not told apart either by those who see the tenant and may not read such things in it', async () => {
    const viewer = await addMember(api, ours, 'viewer');
    const key = (await ours.owner.get(`${ours.path}/api-keys`)).body.items[0] as { id: string; name: string };
    for (const [there, missing] of [[key.id, randomUUID()], [key.name, randomName('key')]] as const) {
      const [read, none] = [await viewer.client.get(`${ours.path}/api-keys/${there}`), await viewer.client.get(`${ours.path}/api-keys/${missing}`)];
      expect([read.status, told(read, there)]).toEqual([403, told(none, missing)]);
      const query = 'query($t: String!, $k: String!) { apiKey(tenant: $t, apiKey: $k) { name } }';
      const [seen, unseen] = [await viewer.client.graphql(query, { t: ours.name, k: there }), await viewer.client.graphql(query, { t: ours.name, k: missing })];
      expect(told(seen, there)).toEqual(told(unseen, missing));
    }
  });

  it('was not changed by any of this', async () => {
    const { body } = await ours.owner.get(ours.path);
    expect([body.state, body.suspension, body.generation]).toEqual(['active', 'none', 1]);
    for (const collection of ['api-keys', 'configs', 'secrets', 'functions']) expect([collection, (await ours.owner.get(`${ours.path}/${collection}`)).body.items.length]).toEqual([collection, 1]);
  });
});
