import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildOpenApi } from '../../src/platform/rest/open-api.js';
import { randomName, startApi, type TestApi } from '../support/api.js';

const CANARY = 'hunter2-do-not-tell';

describe('the APIs as a whole', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  it('serve the document that the code makes, with every reference resolved', async () => {
    const served = await request(api.url).get('/v1/openapi.json').expect(200).expect('content-type', /json/);
    expect(served.body).toEqual(JSON.parse(JSON.stringify(buildOpenApi(api.plane.http!))));
    expect(served.body.openapi).toMatch(/^3\.1\./);
    const schemas = Object.keys(served.body.components.schemas);
    const references = [...JSON.stringify(served.body).matchAll(/"\$ref":"#\/components\/schemas\/([^"]*)"/g)].map((match) => match[1]);
    expect(references.filter((name) => !schemas.includes(name!))).toEqual([]);
  });

  it('answer no operation without a credential, and all of them alike', async () => {
    const { paths } = buildOpenApi(api.plane.http!);
    for (const [path, item] of Object.entries(paths)) {
      for (const method of Object.keys(item as object)) {
        const answer = await api.client().send(method.toUpperCase(), path.replaceAll(/\{[^}]+\}/g, 'x1'));
        expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 401, 'UNAUTHENTICATED']);
      }
    }
  });

  it('never repeat what they could not read', async () => {
    const type = { 'content-type': 'application/json' };
    const name = randomName('team');
    await api.operator.post('/v1/tenants', { name });
    const answers = [
      await api.operator.post(`/v1/tenants/${name}/secrets`, `{"name":"s","data":{"A":"${CANARY}`, { headers: type }),
      await api.operator.post(`/v1/tenants/${name}/secrets`, `{"name":"s","data":{"A":"${CANARY}"} x}`, { headers: type }),
      await api.operator.post(`/v1/tenants/${name}/secrets`, { name: 's', data: { A: [CANARY] } }),
      await api.operator.post(`/v1/tenants/${name}/secrets`, { name: 's', data: { A: CANARY }, [CANARY.slice(0, 3)]: CANARY }),
      await api.operator.graphql('mutation($input: PutSecretInput!) { putSecret(input: $input) { secret { name } } }', { input: { tenant: name, data: { A: CANARY } } }),
      await api.operator.graphql('mutation($input: PutSecretInput!) { putSecret(input: $input) { secret { name } } }', { input: { tenant: name, name: 5, data: CANARY } }),
      await api.operator.graphql(`mutation { putSecret(input: {tenant: "${name}", name: "s", data: {A: "${CANARY}"`, {}),
      await api.operator.graphql(`mutation { putSecret(input: {tenant: 7, name: ${JSON.stringify(CANARY)}, data: "${CANARY}"}) { secret { name } } }`, {}),
    ];
    for (const answer of answers) {
      expect(answer.status === 200 ? answer.body.errors : answer.status).toBeTruthy();
      expect(Buffer.isBuffer(answer.body) ? answer.body.toString() : JSON.stringify(answer.body)).not.toContain(CANARY);
    }
    expect((await api.operator.get(`/v1/tenants/${name}/secrets`)).body.items).toEqual([]);
  });

  it('refuse names that JavaScript would swallow', async () => {
    const answer = await api.operator.post('/v1/tenants', { name: randomName('team'), labels: { constructor: 'x' } });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '/labels/constructor']);
  });

  it('bound what one GraphQL document may ask', async () => {
    const deep = `{ tenants { nodes ${'{ functions { nodes { tenant '.repeat(6)} { name } ${'} } }'.repeat(6)} } }`;
    expect((await api.operator.graphql(deep)).body.errors[0].extensions.code).toMatch(/QUERY_TOO_DEEP|GRAPHQL_VALIDATION_FAILED/);
    const many = `{ ${Array.from({ length: 60 }, (_, index) => `a${index}: tenants { nodes { name } }`).join(' ')} }`;
    expect((await api.operator.graphql(many)).body.errors[0].message).toMatch(/aliases/);
  });

  it('page every list by cursor, each row once', async () => {
    const person = await api.person('pager');
    const names = Array.from({ length: 5 }, () => randomName('page'));
    const operator = api.operator;
    for (const name of names) {
      await operator.post('/v1/tenants', { name });
      await operator.post(`/v1/tenants/${name}/members`, { issuer: 'https://tests.fnplane.invalid', subject: 'pager', role: 'viewer' });
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await person.get(`/v1/tenants?limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      expect(page.body.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.body.items.map((item: { name: string }) => item.name));
      cursor = page.body.nextCursor;
    } while (cursor);
    expect(seen.sort()).toEqual(names.sort());
    expect((await person.get('/v1/tenants?limit=501')).status).toBe(422);
    expect((await person.get('/v1/tenants?cursor=bogus')).body.code).toBe('CURSOR_INVALID');
  });
});
