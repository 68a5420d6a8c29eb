import { randomUUID } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Client } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../deploy/local/http-client.ts';
import { readText } from '../../src/domains/logs/log-line.policy.js';
import { LogIntakeRepository, type LogSource } from '../../src/domains/logs/store/log-intake.repository.js';
import { systemContext } from '../../src/platform/context/context.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';
import { eventually } from '../support/eventually.js';
import { openSocket, Subscribed } from '../support/graphql-socket.js';
import { addKey, addMember, makeTeam, type Team } from '../support/teams.js';

const SYSTEM = systemContext('test');
const ADDED = 'subscription($tenant: String!, $function: String!, $tail: Int, $after: String) { functionLogAdded(tenant: $tenant, function: $function, tail: $tail, after: $after) { position message level requestId } }';

interface Added {
  functionLogAdded: { position: string; message: string };
}

describe('subscriptions over sockets', () => {
  let api: TestApi;
  let team: Team;
  let source: LogSource;
  let name: string;
  let at = 0n;
  const sockets: Client[] = [];

  beforeAll(async () => {
    api = await startApi();
    team = await makeTeam(api);
    name = randomName('fn');
    const { body } = await team.owner.post(`${team.path}/functions`, { name, ...PYTHON });
    source = { tenantId: team.id, functionId: body.id as string, revision: 1, cluster: 'tests', pod: 'p', podUid: randomUUID() };
    await new LogIntakeRepository(api.plane.database).open(SYSTEM, source);
  });
  afterEach(async () => { await Promise.all(sockets.splice(0).map((socket) => socket.dispose())); });
  afterAll(() => api.stop());

  function socket(caller: HttpClient, params?: Record<string, unknown>): Client {
    const made = openSocket(caller, params);
    sockets.push(made);
    return made;
  }

  async function print(message: string): Promise<void> {
    const from = at;
    at += 1n;
    await new LogIntakeRepository(api.plane.database).write(SYSTEM, source.tenantId, [{ source, texts: [readText({ at, text: message })], from, to: at }]);
  }

  const variables = (more: Record<string, unknown> = {}): Record<string, unknown> => ({ tenant: team.name, function: name, ...more });
  const until = (holds: () => boolean, what: () => unknown, withinMs = 10_000): Promise<void> => eventually(async () => {
    if (!holds()) throw new Error(`not seen: ${JSON.stringify(what())}`);
  }, { withinMs, everyMs: 10 });
  const refused = async (client: Client, query: string, values: Record<string, unknown> = {}, extensions?: Record<string, unknown>): Promise<string[]> => {
    const subscribed = new Subscribed(client, query, values, extensions);
    await until(() => subscribed.ended, () => subscribed);
    return subscribed.codes;
  };

  it('give what there is, then what comes, and go on where they were left', async () => {
    await print('one');
    await print('two');
    const first = new Subscribed<Added>(socket(team.owner), ADDED, variables({ tail: 1 }));
    await until(() => first.data.length === 1, () => first);
    await print('three');
    await until(() => first.data.length === 2, () => first);
    expect(first.data).toEqual([{ functionLogAdded: { position: '2', message: 'two', level: null, requestId: null } }, { functionLogAdded: { position: '3', message: 'three', level: null, requestId: null } }]);
    first.leave();
    const second = new Subscribed<Added>(socket(team.owner), ADDED, variables({ after: '1' }));
    await until(() => second.data.length === 2, () => second);
    expect(second.data.map(({ functionLogAdded }) => functionLogAdded.message)).toEqual(['two', 'three']);
  });

  it('take keys as well as tokens', async () => {
    const key = await addKey(api, team, 'viewer');
    const subscribed = new Subscribed<Added>(socket(key.client, { 'X-Api-Key': key.key }), ADDED, variables({ tail: 1 }));
    await until(() => subscribed.data.length === 1, () => subscribed);
  });

  it.each([
    ['none', {}], ['a wrong one', { authorization: 'Bearer x.y.z' }], ['one that is no text', { authorization: 5 }], ['two', { authorization: 'Bearer x', 'x-api-key': 'y' }],
  ])('are closed to who brings no good credential: %s', async (_, params) => {
    const subscribed = new Subscribed(socket(team.owner, params), ADDED, variables());
    await until(() => subscribed.closed !== undefined, () => subscribed);
    expect(subscribed.closed).toMatchObject({ code: 4401, reason: 'UNAUTHENTICATED' });
  });

  it('ask for permission, and tell nothing of what is not to be seen', async () => {
    expect(await refused(socket((await addMember(api, team, 'billing')).client), ADDED, variables())).toEqual(['PERMISSION_DENIED']);
    expect(await refused(socket((await makeTeam(api)).owner), ADDED, variables())).toEqual(['TENANT_NOT_FOUND']);
    expect(await refused(socket(team.owner), ADDED, variables({ function: 'missing' }))).toEqual(['FUNCTION_NOT_FOUND']);
    expect(await refused(socket(team.owner), ADDED, variables({ after: 'x' }))).toEqual(['LOG_POSITION_INVALID']);
  });

  it.each([
    ['a query', '{ viewer { __typename } }', 'GRAPHQL_VALIDATION_FAILED|SUBSCRIPTION_EXPECTED'],
    ['a mutation', 'mutation { __typename }', 'SUBSCRIPTION_EXPECTED'],
    ['what is no GraphQL', '{', 'GRAPHQL_PARSE_FAILED|GRAPHQL_REQUEST_INVALID|INTERNAL'],
    ['what does not fit the schema', 'subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['too deep a document', `subscription { ${'a { '.repeat(14)} b ${'} '.repeat(14)} }`, 'QUERY_TOO_DEEP'],
    ['too many aliases', `subscription { ${Array.from({ length: 60 }, (_, index) => `a${index}: __typename`).join(' ')} }`, 'QUERY_TOO_LARGE'],
    ['wrong variables', ADDED, 'BAD_USER_INPUT|GRAPHQL_REQUEST_INVALID'],
  ])('pass the same gate as what comes by HTTP: %s', async (_, query, codes) => {
    const [code] = await refused(socket(team.owner), query);
    expect(code).toMatch(new RegExp(`^(${codes})$`));
    expect(code).not.toBe('INTERNAL');
  });

  it('are charged, and bounded on one socket', async () => {
    const client = socket(team.owner);
    const many = Array.from({ length: 20 }, () => new Subscribed<Added>(client, ADDED, variables({ tail: 1 })));
    await until(() => many.every(({ data }) => data.length === 1), () => many);
    expect(await refused(client, ADDED, variables())).toEqual(['SUBSCRIPTIONS_TOO_MANY']);
    many[0]!.leave();
    await eventually(async () => {
      const again = new Subscribed<Added>(client, ADDED, variables({ tail: 1 }));
      await until(() => again.data.length === 1, () => again, 500);
    }, { withinMs: 10_000 });
  });

  it('are so many of one caller and no more, and fewer of those who say nothing', async () => {
    const person = await addMember(api, team, 'viewer');
    const all = Array.from({ length: 51 }, () => new Subscribed<Added>(socket(person.client), ADDED, variables({ tail: 1 })));
    await until(() => all.filter(({ data, closed, codes }) => data.length > 0 || closed !== undefined || codes.length > 0).length === all.length, () => all);
    const closed = all.flatMap((one) => (one.closed ? [[one.closed.code, one.closed.reason]] : []));
    expect(closed).toEqual([[4429, 'SOCKETS_TOO_MANY']]);
    const silent = Array.from({ length: 21 }, () => new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws'));
    await until(() => silent.every(({ readyState }) => readyState !== WebSocket.CONNECTING), () => silent.map(({ readyState }) => readyState));
    expect(silent.filter(({ readyState }) => readyState === WebSocket.OPEN).length).toBeLessThanOrEqual(20);
    for (const one of silent) one.close();
  });

  it('end with the key', async () => {
    const key = await addKey(api, team, 'viewer');
    const subscribed = new Subscribed<Added>(socket(key.client), ADDED, variables({ tail: 1 }));
    await until(() => subscribed.data.length === 1, () => subscribed);
    await team.owner.delete(`${team.path}/api-keys/${key.id}`);
    await until(() => subscribed.ended, () => subscribed, 20_000);
    expect(subscribed.codes).toEqual([]);
  });

  it('leave other requests for an upgrade as they were, and end with the server', async () => {
    const other = await startApi({}, api);
    const { statusCode } = await new Promise<IncomingMessage>((resolve, reject) => get(`${other.url}/v1/openapi.json`, { headers: { connection: 'upgrade', upgrade: 'websocket' } }, resolve).on('error', reject));
    expect(statusCode).toBe(200);
    const subscribed = new Subscribed<Added>(socket(other.client(team.owner.token)), ADDED, variables({ tail: 1 }));
    await until(() => subscribed.data.length === 1, () => subscribed);
    await other.stop();
    await until(() => subscribed.ended, () => subscribed);
  });

  it('are nothing for what speaks another protocol', async () => {
    const { hostname, port } = new URL(api.url);
    const raw = connect(Number(port), hostname);
    let answer = '';
    raw.on('data', (data) => { answer += data.toString(); }).on('error', () => undefined);
    raw.write('GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    await until(() => raw.destroyed || raw.readableEnded || answer.includes('4406') || answer.includes('Subprotocol'), () => answer);
    raw.destroy();
  });
});
