import { randomInt } from 'node:crypto';
import { getNamedType, isEnumType, isInputObjectType, isObjectType, isScalarType, type GraphQLField, type GraphQLObjectType } from 'graphql';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { ROLLOUT_VERBS } from '../../../src/domains/functions/rollout.policy.js';
import { randomName } from '../../support/api.js';
import type { Thing, World } from './world.js';

/** A mutation's input that succeeds, on something made for it alone. */
export interface GraphqlExample {
  input: Record<string, unknown>;
  /** Where REST has what is changed, for its etag. */
  resource?: string;
}

const LEVELS = ['WRITES', 'INGRESS', 'COMPUTE'] as const;

function of({ tenant, path }: Thing, more: Record<string, unknown> = {}): GraphqlExample {
  return { input: { tenant, ...more }, resource: path };
}

/** By mutation. A new one needs a line here: its test says so. */
const EXAMPLES: Record<string, (world: World) => Promise<GraphqlExample>> = {
  createTenant: async () => ({ input: { tenant: { name: randomName('team') } } }),
  changeTenant: async (world) => of(await world.tenant(), { change: { displayName: randomName('Team') } }),
  suspendTenant: async (world) => of(await world.tenant(), { level: LEVELS[randomInt(LEVELS.length)] }),
  deleteTenant: async (world) => of(await world.tenant()),
  addMember: async (world) => ({ input: { tenant: world.home, member: { ...world.memberBody(), role: 'VIEWER' } } }),
  changeMember: async (world) => thing(await world.member(), 'member', { change: { role: 'BILLING' } }),
  removeMember: async (world) => thing(await world.member(), 'member'),
  inviteMember: async (world) => ({ input: { tenant: world.home, invitation: { ...world.invitationBody(), role: 'VIEWER' } } }),
  withdrawInvitation: async (world) => thing(await world.invitation(), 'invitation'),
  acceptInvitation: async (world) => ({ input: { invitation: (await world.ownInvitation()).reference } }),
  createApiKey: async (world) => ({ input: { tenant: world.home, apiKey: { name: randomName('key'), role: 'BILLING' } } }),
  rotateApiKey: async (world) => thing(await world.apiKey(), 'apiKey', { overlapSeconds: 60 }),
  revokeApiKey: async (world) => thing(await world.apiKey(), 'apiKey'),
  putConfigSet: async (world) => thing(await world.config(), 'name', { data: { B: randomName('v') } }),
  changeConfigSet: async (world) => thing(await world.config(), 'name', { data: { C: randomName('v') } }),
  deleteConfigSet: async (world) => thing(await world.config(), 'name'),
  putSecret: async (world) => thing(await world.secret(), 'name', { data: { B: randomName('v') } }),
  activateSecretVersion: async (world) => thing(await world.secretOfTwo(), 'name', { number: 1 }),
  destroySecretVersion: async (world) => thing(await world.secretOfTwo(), 'name', { number: 1 }),
  deleteSecret: async (world) => thing(await world.secret(), 'name'),
  registerCluster: async (world) => ({ input: { cluster: world.clusterBody() } }),
  changeCluster: async (world) => onCluster(await world.cluster(), { change: { labels: { mark: randomName('m') } } }),
  cordonCluster: async (world) => onCluster(await world.cluster()),
  uncordonCluster: async (world) => onCluster(await world.cluster()),
  drainCluster: async (world) => onCluster(await world.cluster()),
  deleteCluster: async (world) => onCluster(await world.cluster()),
  setPlacement: async (world) => {
    const tenant = await world.tenant();
    return of({ ...tenant, path: `${tenant.path}/placement` }, { placement: { regions: [randomName('region')] } });
  },
  rewrapSecrets: async () => ({ input: {} }),
  setQuota: async (world) => {
    const tenant = await world.tenant();
    return of({ ...tenant, path: `${tenant.path}/quota` }, { overrides: { functions: randomInt(100, 1000) } });
  },
  setPools: async (world) => {
    const tenant = await world.tenant();
    return of({ ...tenant, path: `${tenant.path}/pools` }, { runtimes: [{ runtime: 'GO', min: 0, max: 1 }] });
  },
  createTrigger: async (world) => {
    const { tenant, reference } = await world.function();
    const body = world.triggerBody(reference);
    const path = `/v1/tenants/${tenant}/triggers/${body.name}`;
    return of({ tenant, reference: body.name, path }, { trigger: { ...body, http: { ...body.http, path: { ...body.http.path, type: 'PREFIX' }, authentication: 'PUBLIC' } } });
  },
  patchTrigger: async (world) => thing(await world.trigger(), 'trigger', { change: { http: { path: { value: `/${randomName('p')}` } } } }),
  deleteTrigger: async (world) => thing(await world.trigger(), 'trigger'),
  createCronTrigger: async (world) => {
    const { tenant, reference } = await world.function();
    const body = world.cronTriggerBody(reference);
    return of({ tenant, reference: body.name, path: `/v1/tenants/${tenant}/cron-triggers/${body.name}` }, { cronTrigger: body });
  },
  patchCronTrigger: async (world) => thing(await world.cronTrigger(), 'cronTrigger', { change: { path: `/${randomName('p')}` } }),
  deleteCronTrigger: async (world) => thing(await world.cronTrigger(), 'cronTrigger'),
  runCronTrigger: async (world) => thing(await world.cronTrigger(), 'cronTrigger'),
  createKafkaTrigger: async (world) => {
    const { tenant, reference } = await world.function();
    const body = world.kafkaTriggerBody(reference);
    return of({ tenant, reference: body.name, path: `/v1/tenants/${tenant}/kafka-triggers/${body.name}` }, { kafkaTrigger: body });
  },
  patchKafkaTrigger: async (world) => thing(await world.kafkaTrigger(), 'kafkaTrigger', { change: { topics: [randomName('topic')] } }),
  deleteKafkaTrigger: async (world) => thing(await world.kafkaTrigger(), 'kafkaTrigger'),
  createWebhook: async (world) => {
    const tenant = await world.tenant();
    const body = world.webhookBody();
    return of({ ...tenant, path: `${tenant.path}/webhooks/${body.name}` }, { webhook: body });
  },
  patchWebhook: async (world) => thing(await world.webhook(), 'webhook', { change: { url: `https://hooks.example/${randomName('p')}` } }),
  deleteWebhook: async (world) => thing(await world.webhook(), 'webhook'),
  testWebhook: async (world) => thing(await world.webhook(), 'webhook'),
  replayWebhook: async (world) => thing(await world.webhook(), 'webhook', { from: { fromTime: new Date().toISOString() } }),
  rotateWebhookSecret: async (world) => thing(await world.webhook(), 'webhook', { overlapSeconds: 60 }),
  deployFunction: async (world) => {
    const fn = await world.function();
    return of(fn, { function: { ...world.functionBody(fn.reference), runtime: 'PYTHON' } });
  },
  patchFunction: async (world) => thing(await world.function(), 'function', { change: { labels: { mark: randomName('m') } } }),
  deleteFunction: async (world) => thing(await world.function(), 'function'),
  rollbackFunction: async (world) => thing(await world.releasing(), 'function', { revision: 1 }),
  ...Object.fromEntries(ROLLOUT_VERBS.map((verb) => [`${verb}Rollout`, async (world: World) => thing(await world.steered(verb), 'function')])),
  pinRevision: async (world) => thing(await world.function(), 'function', { number: 1, pinned: true }),
  invokeFunctionAsync: async (world) => thing(await world.function(), 'function', { payload: { order: randomName('o') } }),
  setAsyncPolicy: async (world) => thing(await world.asyncPolicy(), 'function', { policy: { maxAttempts: 2, onFailure: { webhook: { url: `https://hooks.example/${randomName('p')}` } } } }),
  deleteAsyncPolicy: async (world) => thing(await world.asyncPolicy(), 'function'),
  redriveAsyncInvocation: async (world) => thing(await world.failedInvocation(), 'asyncInvocation'),
  deleteAsyncInvocation: async (world) => thing(await world.failedInvocation(), 'asyncInvocation'),
  redriveAsyncInvocations: (world) => onFailed(world),
  purgeAsyncInvocations: (world) => onFailed(world),
  invokeFunction: async (world) => thing(await world.function(), 'function', { payload: { hello: 'world' } }),
};

function thing(made: Thing, field: string, more: Record<string, unknown> = {}): GraphqlExample {
  return of(made, { [field]: made.reference, ...more });
}

async function onFailed(world: World): Promise<GraphqlExample> {
  const { tenant, functionName } = await world.failedInvocation();
  return { input: { tenant, function: functionName } };
}

/** Clusters are of no tenant. */
function onCluster({ reference, path }: Thing, more: Record<string, unknown> = {}): GraphqlExample {
  return { input: { cluster: reference, ...more }, resource: path };
}

export function graphqlExample(world: World, mutation: string): Promise<GraphqlExample> {
  const make = EXAMPLES[mutation];
  if (!make) throw new Error(`${mutation} has no example: add one to test/contract/conventions/graphql-examples.ts, so that the conventions of the API are proved for it`);
  return make(world);
}

/** Whether a mutation's input has a field. */
export function takes(mutation: GraphQLField<unknown, unknown>, field: string): boolean {
  const input = mutation.args.find((argument) => argument.name === 'input');
  const type = input && getNamedType(input.type);
  return isInputObjectType(type) && field in type.getFields();
}

/** The mutation as a document that asks for all plain values of its payload and of what lies in it. */
export function documentOf(mutation: GraphQLField<unknown, unknown>): string {
  const input = mutation.args.find((argument) => argument.name === 'input')!;
  return `mutation($input: ${String(input.type)}) { ${mutation.name}(input: $input) ${selection(getNamedType(mutation.type) as GraphQLObjectType, 2)} }`;
}

function selection(type: GraphQLObjectType, depth: number): string {
  const parts = Object.values(type.getFields()).flatMap((field): string[] => {
    // What the viewer may do is asked of a tenant, and a creation that is only checked has none.
    if (field.args.length > 0 || field.name === 'viewerPermissions') return [];
    const named = getNamedType(field.type);
    if (isScalarType(named) || isEnumType(named)) return [field.name];
    const inner = depth > 0 && isObjectType(named) && (depth === 2 || field.name === 'effective' || field.name === 'status') ? selection(named, depth - 1) : '';
    return inner === '' ? [] : [`${field.name} ${inner}`];
  });
  return parts.length === 0 ? '' : `{ ${parts.join(' ')} }`;
}

export function sendMutation(client: HttpClient, mutation: GraphQLField<unknown, unknown>, input: Record<string, unknown>, headers: Record<string, string> = {}): Promise<HttpAnswer> {
  return client.send('POST', '/graphql', { body: { query: documentOf(mutation), variables: { input } }, headers });
}

/** Codes a mutation was refused with, wherever they stand. */
export function codesOf(answer: HttpAnswer, mutation: string): string[] {
  const body = answer.body as { errors?: { extensions: { code: string } }[]; data?: Record<string, { userErrors: { code: string }[] } | null> };
  return [...(body.errors ?? []).map((error) => error.extensions.code), ...(body.data?.[mutation]?.userErrors ?? []).map((error) => error.code)];
}
