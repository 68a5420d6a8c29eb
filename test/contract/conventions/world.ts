import { randomBytes } from 'node:crypto';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import type { RolloutVerb } from '../../../src/domains/functions/rollout.policy.js';
import { systemContext } from '../../../src/platform/context/context.js';
import { sha256, tarGz } from '../../support/archives.js';
import { randomName, startApi, type TestApi } from '../../support/api.js';
import { mintToken } from '../../support/tokens.js';
import { VersionServer } from '../../support/version-server.js';

const ISSUER = 'https://tests.fnplane.invalid';
/** Address that all operators here share. */
const OPERATORS = 'operators@mail.example';

/** A resource of its own for one request, and where REST has it. */
export interface Thing {
  tenant: string;
  /** Name, or id where it has no name. */
  reference: string;
  path: string;
}

/** An API with a tenant, and something new of every kind whenever an example asks for it. */
export class World {
  private constructor(
    readonly api: TestApi,
    /** An operator of the platform: may do all that the examples do. */
    readonly operator: HttpClient,
    /** Members of every tenant made here who may read and change nothing. */
    private readonly viewers: readonly { subject: string; client: HttpClient }[],
    /** What answers as every cluster that is registered here. */
    private readonly versions: VersionServer,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<World> {
    const api = await startApi(settings);
    const viewers = await Promise.all(['viewer', 'viewer'].map(randomName).map(async (subject) => ({ subject, client: await api.person(subject) })));
    const world = new World(api, await World.newOperator(api), viewers, await new VersionServer().start());
    world.home = (await world.tenant()).reference;
    return world;
  }

  /** Another operator, with the same e-mail address. */
  anotherOperator(): Promise<HttpClient> {
    return World.newOperator(this.api);
  }

  private static async newOperator(api: TestApi): Promise<HttpClient> {
    return api.client(await mintToken({ roles: ['operator'], email: OPERATORS }));
  }

  private turns = 0;

  /** One who may read and change nothing. They take turns: of each principal no more than 60 refusals a minute are written down. */
  nextViewer(): HttpClient {
    return this.viewers[this.turns++ % this.viewers.length]!.client;
  }

  /** Where everything is made that needs no tenant of its own. */
  home = '';

  async stop(): Promise<void> {
    await this.api.stop();
    await this.versions.stop();
  }

  async tenant(): Promise<Thing> {
    const name = randomName('team');
    await this.made('/v1/tenants', { name });
    for (const { subject } of this.viewers) await this.made(`/v1/tenants/${name}/members`, { issuer: ISSUER, subject, role: 'viewer' });
    return { tenant: name, reference: name, path: `/v1/tenants/${name}` };
  }

  member(): Promise<Thing> {
    return this.thing('members', this.memberBody());
  }

  memberBody(): { issuer: string; subject: string; role: string } {
    return { issuer: ISSUER, subject: randomName('person'), role: 'viewer' };
  }

  invitation(): Promise<Thing> {
    return this.thing('invitations', this.invitationBody());
  }

  invitationBody(): { email: string; role: string } {
    return { email: `${randomName('guest')}@mail.example`, role: 'viewer' };
  }

  /** To the address of the operators, into a tenant that somebody else owns. */
  async ownInvitation(): Promise<Thing> {
    const { reference: tenant } = await this.tenant();
    const members = `/v1/tenants/${tenant}/members`;
    const { items } = (await this.operator.get(members)).body as { items: { id: string; role: string }[] };
    await this.made(members, { ...this.memberBody(), role: 'owner' });
    const left = await this.operator.delete(`${members}/${items.find(({ role }) => role === 'owner')!.id}`, { headers: { 'if-match': '*' } });
    if (left.status !== 204) throw new Error(`the operator cannot leave ${tenant}: ${left.status} ${JSON.stringify(left.body)}`);
    const { id } = await this.made(`/v1/tenants/${tenant}/invitations`, { email: OPERATORS, role: 'viewer' });
    return { tenant, reference: id, path: `/v1/tenants/${tenant}/invitations/${id}` };
  }

  apiKey(): Promise<Thing> {
    return this.thing('api-keys', { name: randomName('key'), role: 'viewer' });
  }

  config(): Promise<Thing> {
    return this.thing('configs', { name: randomName('settings'), data: { A: '1' } });
  }

  secret(): Promise<Thing> {
    return this.thing('secrets', { name: randomName('secret'), data: { A: '1' } });
  }

  /** With versions 1 and 2. */
  async secretOfTwo(): Promise<Thing> {
    const secret = await this.secret();
    await this.changed('PUT', secret.path, { data: { A: '2' } });
    return secret;
  }

  function(): Promise<Thing> {
    return this.thing('functions', this.functionBody());
  }

  /** With a first revision that serves and a second that takes its traffic by steps, as a cluster would have told. */
  async releasing(): Promise<Thing> {
    const canary = { rollout: { strategy: 'canary' } };
    const fn = await this.thing('functions', { ...this.functionBody(), ...canary });
    await this.api.plane.database.transaction(systemContext('tests'), (manager) => manager.query(
      'UPDATE function SET serving_revision = 1 FROM tenant WHERE tenant.id = function.tenant_id AND tenant.name = $1 AND function.name = $2', [fn.tenant, fn.reference]));
    await this.changed('PUT', fn.path, { ...this.functionBody(fn.reference), ...canary });
    return fn;
  }

  /** One on which a verb makes a difference. */
  async steered(verb: RolloutVerb): Promise<Thing> {
    const fn = await this.releasing();
    const first = verb === 'resume' ? 'pause' : verb === 'retry' ? 'abort' : undefined;
    if (first) await this.changed('POST', `${fn.path}/rollout/${first}`);
    return fn;
  }

  functionBody(name = randomName('fn')): Record<string, unknown> & { name: string } {
    return { name, runtime: 'python', source: { inline: { 'handler.py': `def handle(event, context):\n    return "${randomName('r')}"\n` } } };
  }

  async trigger(): Promise<Thing> {
    const { tenant, reference: fn } = await this.function();
    const body = this.triggerBody(fn);
    await this.made(`/v1/tenants/${tenant}/triggers`, body);
    return { tenant, reference: body.name, path: `/v1/tenants/${tenant}/triggers/${body.name}` };
  }

  /** At a host of its own. */
  triggerBody(fn: string): { name: string; function: string; http: { host: string; path: { type: string; value: string }; authentication: string } } {
    const name = randomName('trigger');
    return { name, function: fn, http: { host: `${name}.example`, path: { type: 'prefix', value: '/' }, authentication: 'public' } };
  }

  async cronTrigger(): Promise<Thing> {
    const { tenant, reference: fn } = await this.function();
    const body = this.cronTriggerBody(fn);
    await this.made(`/v1/tenants/${tenant}/cron-triggers`, body);
    return { tenant, reference: body.name, path: `/v1/tenants/${tenant}/cron-triggers/${body.name}` };
  }

  cronTriggerBody(fn: string): { name: string; function: string; schedule: string } {
    return { name: randomName('cron'), function: fn, schedule: '0 2 * * *' };
  }

  /** Suspended: its brokers are nowhere. */
  async kafkaTrigger(): Promise<Thing> {
    const { tenant, reference: fn } = await this.function();
    const body = this.kafkaTriggerBody(fn);
    await this.made(`/v1/tenants/${tenant}/kafka-triggers`, body);
    return { tenant, reference: body.name, path: `/v1/tenants/${tenant}/kafka-triggers/${body.name}` };
  }

  kafkaTriggerBody(fn: string): { name: string; function: string; brokers: string[]; topics: string[]; suspended: boolean } {
    return { name: randomName('kafka'), function: fn, brokers: ['kafka.example:9092'], topics: ['orders'], suspended: true };
  }

  /** In a tenant of its own: none has many. */
  async webhook(): Promise<Thing> {
    const { path, reference: tenant } = await this.tenant();
    const body = this.webhookBody();
    await this.made(`${path}/webhooks`, body);
    return { tenant, reference: body.name, path: `${path}/webhooks/${body.name}` };
  }

  webhookBody(): { name: string; url: string } {
    return { name: randomName('hook'), url: 'https://hooks.example/in' };
  }

  /** An invocation of a function of its own that failed, as a worker would have told. */
  async failedInvocation(): Promise<Thing & { functionName: string }> {
    const { tenant, reference: functionName, path: fn } = await this.function();
    const { id } = await this.made(`${fn}/async-invocations`, {});
    await this.api.plane.database.transaction(systemContext('tests'), async (manager) => {
      await manager.query(`UPDATE async_invocation SET state = 'failed', attempts = 3, error_code = 'FUNCTION_ERROR', error_message = 'No.', finished_at = clock_timestamp() WHERE id = $1`, [id]);
      await manager.query(`DELETE FROM work_item WHERE kind = 'async-invocation' AND key LIKE '%/' || $1`, [id]);
    });
    return { tenant, reference: id, path: `/v1/tenants/${tenant}/async-invocations/${id}`, functionName };
  }

  /** Of a function of its own, by whose name GraphQL knows it. */
  async asyncPolicy(): Promise<Thing> {
    const { tenant, reference, path } = await this.function();
    await this.changed('PUT', `${path}/async-policy`, { maxAttempts: 5 }, {});
    return { tenant, reference, path: `${path}/async-policy` };
  }

  /** A member who may invoke, which operators may not. */
  async developer(tenant: string): Promise<HttpClient> {
    const member = { ...this.memberBody(), role: 'developer' };
    await this.made(`/v1/tenants/${tenant}/members`, member);
    return this.api.person(member.subject);
  }

  /** One that is registered and that nobody is placed on. */
  async cluster(): Promise<Thing> {
    const body = this.clusterBody();
    await this.made('/v1/clusters', body);
    return { tenant: '', reference: body.name, path: `/v1/clusters/${body.name}` };
  }

  clusterBody(): { name: string; region: string; kubeconfig: string } {
    return { name: randomName('cluster'), region: 'somewhere', kubeconfig: this.versions.kubeconfig() };
  }

  async archive(): Promise<{ digest: string; bytes: Buffer }> {
    const bytes = await tarGz([{ name: 'handler.py', content: `X = "${randomBytes(8).toString('hex')}"\n` }]);
    return { digest: sha256(bytes), bytes };
  }

  private async thing(collection: string, body: Record<string, unknown> & { name?: string }): Promise<Thing> {
    const tenant = await this.roomy();
    const made = await this.made(`/v1/tenants/${tenant}/${collection}`, body);
    const reference = body.name ?? made.id;
    return { tenant, reference, path: `/v1/tenants/${tenant}/${collection}/${reference}` };
  }

  /** The plan has room for few functions: a tenant is used for so many things and then another. */
  private async roomy(): Promise<string> {
    this.taken += 1;
    if (this.taken % 8 === 0) this.home = (await this.tenant()).reference;
    return this.home;
  }

  private taken = 0;

  /** Whatever version is there. */
  private async changed(method: 'PUT' | 'POST', path: string, body?: unknown, headers: Record<string, string> = { 'if-match': '*' }): Promise<void> {
    const answer = await this.operator.send(method, path, { body, headers });
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  private async made(path: string, body: unknown): Promise<{ id: string }> {
    const answer = await this.operator.post(path, body);
    if (answer.status >= 300) throw new Error(`POST ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as { id: string };
  }
}
