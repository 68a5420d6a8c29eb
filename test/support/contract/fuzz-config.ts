import { resolve } from 'node:path';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName } from '../api.js';
import { INLINE_SOURCE } from './examples.js';
import type { FurnishedTenant } from './furnished.js';
import { bodyOf, fillPath, PathValues, pathParameters, type RestDocument } from './rest-operations.js';

/** Existing things for path parameters, by operation: what a run deletes or suspends is not what it reads. */
export type Targets = Map<string, { words: Record<string, readonly string[]>; ends: boolean }>;

/** How often a parameter is one of them; otherwise anything is generated. */
const PROBABILITY = 0.75;
const DOOMED = 30;
const HOOKS = resolve('test/proof/hooks.py');
/** How wrong data may be refused: 412 and 413 come before the data are looked at, 431 before they are read. */
const REFUSALS = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429, 431, '5xx'];
/** Statuses of 5xx an operation may answer while nothing runs functions; elsewhere they are errors. */
const WITHOUT_GATEWAY = ['2xx', '4xx', '502', '503', '504'];

/** Finds or makes existing things for every path parameter of every operation. */
export async function targetsOf({ document, tenant, operator }: { document: RestDocument; tenant: FurnishedTenant; operator: HttpClient }): Promise<Targets> {
  const values = new PathValues(document, tenant.owner, { digest: [tenant.digest], plan: ['standard', 'free'], cluster: ['tests'], invitation: [tenant.invitation] });
  const doomed = await makeDoomed(tenant, operator);
  const targets: Targets = new Map();
  for (const operation of document.operations) {
    const words: Record<string, readonly string[]> = {};
    for (const name of pathParameters(operation)) {
      words[name] = name === 'tenant' ? [tenant.name, tenant.id] : await values.of(operation.path, name, Object.fromEntries(Object.entries(words).map(([key, [first]]) => [key, first!])));
    }
    const last = pathParameters(operation).at(-1);
    const ends = operation.method === 'DELETE' || operation.path.endsWith('/suspension');
    if (ends && last && doomed[last]) words[last] = doomed[last];
    else if (ends && last !== undefined && last !== 'tenant') words[last] = await victims(operation.path, { document, tenant }, words) ?? words[last]!;
    targets.set(operation.label, { words, ends });
  }
  return targets;
}

async function makeDoomed(tenant: FurnishedTenant, operator: HttpClient): Promise<Record<string, string[]>> {
  const tenants = Array.from({ length: DOOMED }, () => randomName('doomed'));
  for (const name of tenants) await operator.post('/v1/tenants', { name });
  const functions = Array.from({ length: DOOMED }, () => randomName('doomed'));
  for (const name of functions) await tenant.owner.post(`/v1/tenants/${tenant.name}/functions`, { name, runtime: 'python', source: { inline: INLINE_SOURCE }, resources: { cpuMillis: 10, memoryMb: 16, ephemeralStorageMb: 1 } });
  return { tenant: tenants, function: functions };
}

/** Things made for being deleted, where the list at that address takes new ones. */
async function victims(path: string, { document, tenant }: { document: RestDocument; tenant: FurnishedTenant }, words: Record<string, readonly string[]>): Promise<string[] | undefined> {
  const list = path.replace(/\/\{[^}]+\}$/, '');
  const create = document.operations.find((operation) => operation.method === 'POST' && operation.path === list);
  if (!create) return undefined;
  const made: string[] = [];
  for (let count = 0; count < DOOMED; count += 1) {
    const { body, headers } = bodyOf(create, document, {});
    const answer = await tenant.owner.send('POST', fillPath(list, Object.fromEntries(Object.entries(words).map(([key, [first]]) => [key, first!]))), { body, headers });
    const item = answer.body as { name?: string; id?: string };
    if (answer.status < 300) made.push(item.name ?? item.id!);
  }
  return made.length > 0 ? made : undefined;
}

/** Schemathesis' configuration: who asks, and which words exist. */
export function fuzzConfig(document: RestDocument, targets: Targets, token: string): string {
  const dictionaries: string[] = [];
  const operations = document.operations.flatMap(({ label }, index) => {
    const { words: known, ends } = targets.get(label) ?? { words: {}, ends: false };
    const bindings = Object.entries(known).map(([name, words]) => {
      dictionaries.push(`[dictionaries.w${index}-${name}]`, `values = ${JSON.stringify(words.every((word) => /^\d+$/.test(word)) ? words.map(Number) : words)}`);
      return `"path.${name}" = { dictionary = "w${index}-${name}", probability = ${ends ? '1.0' : PROBABILITY} }`;
    });
    const server = label.endsWith('/invocations') ? [`checks.not_a_server_error.expected-statuses = ${JSON.stringify(WITHOUT_GATEWAY)}`] : [];
    if (server.length + bindings.length === 0) return [];
    return ['[[operations]]', `include-name = ${JSON.stringify(label)}`, ...server, ...(bindings.length > 0 ? ['[operations.parameters]', ...bindings] : [])].join('\n');
  });
  return [
    `headers = { Authorization = ${JSON.stringify(`Bearer ${token}`)} }`, 'request-timeout = 30.0', `hooks = ${JSON.stringify(HOOKS)}`, '[generation]', 'allow-x00 = true', 'with-security-parameters = false', ...['fuzzing', 'coverage'].map((phase) => `[phases.${phase}.extra-data-sources]\nresponses = false`), '[checks.negative_data_rejection]', `expected-statuses = ${JSON.stringify(REFUSALS)}`, ...dictionaries, ...operations, '',
  ].join('\n');
}

/** For `test/proof/hooks.py`: a body that each operation takes, made anew for each run. */
export function knownBodies(document: RestDocument, tenant: FurnishedTenant): Record<string, object> {
  const archive = { 'PUT /v1/tenants/{tenant}/code/{digest}': { bytes: tenant.archive.toString('base64'), path: { digest: tenant.digest } } };
  const json = document.operations.filter(({ body }) => body?.type.includes('json')).map((operation) => [operation.label, { json: bodyOf(operation, document, {}).body }]);
  return { ...(Object.fromEntries(json) as Record<string, object>), ...archive };
}
