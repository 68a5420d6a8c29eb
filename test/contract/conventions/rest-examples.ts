import { randomInt } from 'node:crypto';
import type { HttpAnswer, HttpClient, HttpOptions } from '../../../deploy/local/http-client.ts';
import { ROLLOUT_VERBS } from '../../../src/domains/functions/rollout.policy.js';
import { randomName } from '../../support/api.js';
import type { Thing, World } from './world.js';

/** One request that succeeds, on something made for it alone: asked for again it is another request. */
export interface RestExample {
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Where the etag of what is changed is read; the path itself where absent. */
  resource?: string;
}

const LEVELS = ['writes', 'ingress', 'compute'] as const;

/** By method and path as the OpenAPI document has them. A new route needs a line here: its test says so. */
const EXAMPLES: Record<string, (world: World) => Promise<RestExample>> = {
  'POST /v1/tenants': async () => ({ path: '/v1/tenants', body: { name: randomName('team') } }),
  'PATCH /v1/tenants/{tenant}': async (world) => ({ path: (await world.tenant()).path, body: { displayName: randomName('Team') } }),
  'DELETE /v1/tenants/{tenant}': async (world) => ({ path: (await world.tenant()).path }),
  'PUT /v1/tenants/{tenant}/suspension': async (world) => {
    const { path } = await world.tenant();
    return { path: `${path}/suspension`, body: { level: LEVELS[randomInt(LEVELS.length)] }, resource: path };
  },
  'POST /v1/tenants/{tenant}/members': async (world) => ({ path: `/v1/tenants/${world.home}/members`, body: world.memberBody() }),
  'PATCH /v1/tenants/{tenant}/members/{member}': async (world) => ({ path: (await world.member()).path, body: { role: 'billing' } }),
  'DELETE /v1/tenants/{tenant}/members/{member}': async (world) => ({ path: (await world.member()).path }),
  'POST /v1/tenants/{tenant}/invitations': async (world) => ({ path: `/v1/tenants/${world.home}/invitations`, body: world.invitationBody() }),
  'DELETE /v1/tenants/{tenant}/invitations/{invitation}': async (world) => ({ path: (await world.invitation()).path }),
  'POST /v1/me/invitations/{invitation}/acceptance': async (world) => ({ path: `/v1/me/invitations/${(await world.ownInvitation()).reference}/acceptance` }),
  'POST /v1/tenants/{tenant}/api-keys': async (world) => ({ path: `/v1/tenants/${world.home}/api-keys`, body: { name: randomName('key'), role: 'billing' } }),
  'POST /v1/tenants/{tenant}/api-keys/{apiKey}/rotation': async (world) => {
    const { path } = await world.apiKey();
    return { path: `${path}/rotation`, body: { overlapSeconds: 60 }, resource: path };
  },
  'DELETE /v1/tenants/{tenant}/api-keys/{apiKey}': async (world) => ({ path: (await world.apiKey()).path }),
  'POST /v1/tenants/{tenant}/configs': async (world) => ({ path: `/v1/tenants/${world.home}/configs`, body: { name: randomName('settings'), data: { A: '1' } } }),
  'PUT /v1/tenants/{tenant}/configs/{config}': async (world) => ({ path: (await world.config()).path, body: { data: { B: randomName('v') } } }),
  'PATCH /v1/tenants/{tenant}/configs/{config}': async (world) => ({ path: (await world.config()).path, body: { data: { C: randomName('v') } } }),
  'DELETE /v1/tenants/{tenant}/configs/{config}': async (world) => ({ path: (await world.config()).path }),
  'POST /v1/tenants/{tenant}/secrets': async (world) => ({ path: `/v1/tenants/${world.home}/secrets`, body: { name: randomName('secret'), data: { A: '1' } } }),
  'PUT /v1/tenants/{tenant}/secrets/{secret}': async (world) => ({ path: (await world.secret()).path, body: { data: { B: randomName('v') } } }),
  'DELETE /v1/tenants/{tenant}/secrets/{secret}': async (world) => ({ path: (await world.secret()).path }),
  'POST /v1/tenants/{tenant}/secrets/{secret}/versions/{number}/activation': async (world) => {
    const { path } = await world.secretOfTwo();
    return { path: `${path}/versions/1/activation`, resource: path };
  },
  'DELETE /v1/tenants/{tenant}/secrets/{secret}/versions/{number}': async (world) => {
    const { path } = await world.secretOfTwo();
    return { path: `${path}/versions/1`, resource: path };
  },
  'POST /v1/clusters': async (world) => ({ path: '/v1/clusters', body: world.clusterBody() }),
  'PATCH /v1/clusters/{cluster}': async (world) => ({ path: (await world.cluster()).path, body: { labels: { mark: randomName('m') } } }),
  'DELETE /v1/clusters/{cluster}': async (world) => ({ path: (await world.cluster()).path }),
  'POST /v1/clusters/{cluster}/cordon': async (world) => onCluster(await world.cluster(), 'cordon'),
  'POST /v1/clusters/{cluster}/uncordon': async (world) => onCluster(await world.cluster(), 'uncordon'),
  'POST /v1/clusters/{cluster}/drain': async (world) => onCluster(await world.cluster(), 'drain'),
  'PUT /v1/tenants/{tenant}/placement': async (world) => ({ path: `${(await world.tenant()).path}/placement`, body: { regions: [randomName('region')] } }),
  'POST /v1/encryption/rewrap': async () => ({ path: '/v1/encryption/rewrap' }),
  'PATCH /v1/tenants/{tenant}/quota': async (world) => ({ path: `${(await world.tenant()).path}/quota`, body: { overrides: { functions: randomInt(100, 1000) } } }),
  'PUT /v1/tenants/{tenant}/pools': async (world) => ({ path: `${(await world.tenant()).path}/pools`, body: { runtimes: [{ runtime: 'go', min: 0, max: 1 }] } }),
  'POST /v1/tenants/{tenant}/triggers': async (world) => {
    const { tenant, reference } = await world.function();
    return { path: `/v1/tenants/${tenant}/triggers`, body: world.triggerBody(reference) };
  },
  'PATCH /v1/tenants/{tenant}/triggers/{trigger}': async (world) => ({ path: (await world.trigger()).path, body: { http: { path: { value: `/${randomName('p')}` } } } }),
  'DELETE /v1/tenants/{tenant}/triggers/{trigger}': async (world) => ({ path: (await world.trigger()).path }),
  'POST /v1/tenants/{tenant}/cron-triggers': async (world) => {
    const { tenant, reference } = await world.function();
    return { path: `/v1/tenants/${tenant}/cron-triggers`, body: world.cronTriggerBody(reference) };
  },
  'PATCH /v1/tenants/{tenant}/cron-triggers/{cronTrigger}': async (world) => ({ path: (await world.cronTrigger()).path, body: { path: `/${randomName('p')}` } }),
  'DELETE /v1/tenants/{tenant}/cron-triggers/{cronTrigger}': async (world) => ({ path: (await world.cronTrigger()).path }),
  'POST /v1/tenants/{tenant}/cron-triggers/{cronTrigger}/run': async (world) => {
    const { path } = await world.cronTrigger();
    return { path: `${path}/run`, resource: path };
  },
  'POST /v1/tenants/{tenant}/kafka-triggers': async (world) => {
    const { tenant, reference } = await world.function();
    return { path: `/v1/tenants/${tenant}/kafka-triggers`, body: world.kafkaTriggerBody(reference) };
  },
  'PATCH /v1/tenants/{tenant}/kafka-triggers/{kafkaTrigger}': async (world) => ({ path: (await world.kafkaTrigger()).path, body: { topics: [randomName('topic')] } }),
  'DELETE /v1/tenants/{tenant}/kafka-triggers/{kafkaTrigger}': async (world) => ({ path: (await world.kafkaTrigger()).path }),
  'POST /v1/tenants/{tenant}/webhooks': async (world) => ({ path: `${(await world.tenant()).path}/webhooks`, body: world.webhookBody() }),
  'PATCH /v1/tenants/{tenant}/webhooks/{webhook}': async (world) => ({ path: (await world.webhook()).path, body: { url: `https://hooks.example/${randomName('p')}` } }),
  'DELETE /v1/tenants/{tenant}/webhooks/{webhook}': async (world) => ({ path: (await world.webhook()).path }),
  'POST /v1/tenants/{tenant}/webhooks/{webhook}/test': async (world) => onWebhook(await world.webhook(), 'test'),
  'POST /v1/tenants/{tenant}/webhooks/{webhook}/replay': async (world) => ({ ...onWebhook(await world.webhook(), 'replay'), body: { fromTime: new Date().toISOString() } }),
  'POST /v1/tenants/{tenant}/webhooks/{webhook}/rotate-secret': async (world) => ({ ...onWebhook(await world.webhook(), 'rotate-secret'), body: { overlapSeconds: 60 } }),
  'POST /v1/tenants/{tenant}/functions': async (world) => ({ path: `${(await world.tenant()).path}/functions`, body: world.functionBody() }),
  'PUT /v1/tenants/{tenant}/functions/{function}': async (world) => {
    const { path, reference } = await world.function();
    return { path, body: world.functionBody(reference) };
  },
  'PATCH /v1/tenants/{tenant}/functions/{function}': async (world) => ({ path: (await world.function()).path, body: { labels: { mark: randomName('m') } } }),
  'DELETE /v1/tenants/{tenant}/functions/{function}': async (world) => ({ path: (await world.function()).path }),
  'POST /v1/tenants/{tenant}/functions/{function}/rollback': async (world) => {
    const { path } = await world.releasing();
    return { path: `${path}/rollback`, body: { revision: 1 }, resource: path };
  },
  ...Object.fromEntries(ROLLOUT_VERBS.map((verb) => [`POST /v1/tenants/{tenant}/functions/{function}/rollout/${verb}`, async (world: World) => {
    const { path } = await world.steered(verb);
    return { path: `${path}/rollout/${verb}`, resource: path };
  }])),
  'PATCH /v1/tenants/{tenant}/functions/{function}/revisions/{number}': async (world) => {
    const { path } = await world.function();
    return { path: `${path}/revisions/1`, body: { pinned: true }, resource: path };
  },
  'PUT /v1/tenants/{tenant}/code/{digest}': async (world) => {
    const { digest, bytes } = await world.archive();
    return { path: `/v1/tenants/${world.home}/code/${digest}`, body: bytes, headers: { 'content-type': 'application/gzip' } };
  },
  'POST /v1/tenants/{tenant}/functions/{function}/async-invocations': async (world) => ({ path: `${(await world.function()).path}/async-invocations`, body: { order: randomName('o') } }),
  'POST /v1/tenants/{tenant}/async-invocations/{asyncInvocation}/redrive': async (world) => {
    const { path } = await world.failedInvocation();
    return { path: `${path}/redrive`, resource: path };
  },
  'DELETE /v1/tenants/{tenant}/async-invocations/{asyncInvocation}': async (world) => ({ path: (await world.failedInvocation()).path }),
  'POST /v1/tenants/{tenant}/async-invocations/redrive': (world) => onFailed(world, 'redrive'),
  'POST /v1/tenants/{tenant}/async-invocations/purge': (world) => onFailed(world, 'purge'),
  'PUT /v1/tenants/{tenant}/functions/{function}/async-policy': async (world) => ({ path: (await world.asyncPolicy()).path, body: { maxAttempts: 2, onFailure: { webhook: { url: `https://hooks.example/${randomName('p')}` } } } }),
  'DELETE /v1/tenants/{tenant}/functions/{function}/async-policy': async (world) => ({ path: (await world.asyncPolicy()).path }),
  'POST /v1/tenants/{tenant}/functions/{function}/invocations': async (world) => ({ path: `${(await world.function()).path}/invocations`, body: { hello: 'world' } }),
};

function onCluster({ path }: Thing, verb: string): RestExample {
  return { path: `${path}/${verb}`, resource: path };
}

function onWebhook({ path }: Thing, verb: string): RestExample {
  return { path: `${path}/${verb}`, resource: path };
}

async function onFailed(world: World, verb: string): Promise<RestExample> {
  const { tenant, functionName } = await world.failedInvocation();
  return { path: `/v1/tenants/${tenant}/async-invocations/${verb}`, body: { function: functionName } };
}

export function restExample(world: World, route: string): Promise<RestExample> {
  const make = EXAMPLES[route];
  if (!make) throw new Error(`${route} has no example: add one to test/contract/conventions/rest-examples.ts, so that the conventions of the API are proved for it`);
  return make(world);
}

/** Sends an example, with more in its query or headers. */
export function sendExample(client: HttpClient, route: string, example: RestExample, more: { query?: string; headers?: Record<string, string> } = {}): Promise<HttpAnswer> {
  const options: HttpOptions = { body: example.body, headers: { ...example.headers, ...more.headers } };
  return client.send(route.split(' ', 1)[0]!, `${example.path}${more.query ?? ''}`, options);
}
