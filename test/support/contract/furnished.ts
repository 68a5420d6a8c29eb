import { createHash, randomUUID } from 'node:crypto';
import { HttpClient } from '../../../deploy/local/http-client.ts';
import { tenantNamespace } from '../../../src/contract/names.js';
import { readText } from '../../../src/domains/logs/log-line.policy.js';
import { LogIntakeRepository } from '../../../src/domains/logs/store/log-intake.repository.js';
import { LedgerService } from '../../../src/domains/metering/ledger.service.js';
import { LedgerRepository } from '../../../src/domains/metering/store/ledger.repository.js';
import { SpendLimits } from '../../../src/domains/quotas/spend-limits.js';
import { QuotasRepository } from '../../../src/domains/quotas/store/quotas.repository.js';
import { systemContext } from '../../../src/platform/context/context.js';
import type { Database } from '../../../src/platform/database/database.js';
import { JobQueue } from '../../../src/platform/jobs/job-queue.js';
import { randomName } from '../api.js';
import { tarGz } from '../archives.js';
import { testIssuer } from '../tokens.js';
import { INLINE_SOURCE } from './examples.js';

/** An API on a database: in this process or another. */
export interface ServedApi {
  operator: HttpClient;
  person(subject?: string): Promise<HttpClient>;
  database: Database;
}

/** A tenant that has one of everything, with people and machines of its own. */
export interface FurnishedTenant {
  id: string;
  name: string;
  /** Its owner, a person. */
  owner: HttpClient;
  /** Speaks with a key of an administrator. */
  key: HttpClient;
  functionName: string;
  functionId: string;
  secret: string;
  config: string;
  /** SHA-256 of an uploaded archive, and the archive. */
  digest: string;
  archive: Buffer;
  /** Id of an invitation that nobody has taken. */
  invitation: string;
}

/** A function that uses a secret and a set, a trigger of each kind, an accepted invocation and a line in the log of it, a policy of those, a webhook, an archive, members, an invitation, a key, a placement and a row in the ledger. */
export async function furnishTenant(api: ServedApi, prefix: string): Promise<FurnishedTenant> {
  const name = randomName(prefix);
  const tenant = (await made(api.operator.post('/v1/tenants', { name, labels: { team: randomName('label') } }))) as { id: string };
  const at = `/v1/tenants/${name}`;
  const subject = randomName('owner');
  await made(api.operator.post(`${at}/members`, { issuer: testIssuer().issuer, subject, role: 'owner' }));
  const owner = await api.person(subject);
  await made(owner.post(`${at}/members`, { issuer: testIssuer().issuer, subject: randomName('viewer'), role: 'viewer' }));
  const { key } = (await made(owner.post(`${at}/api-keys`, { name: randomName('key'), role: 'admin' }))) as { key: string };
  const { id: invitation } = (await made(owner.post(`${at}/invitations`, { email: `${randomName('guest')}@mail.example`, role: 'viewer' }))) as { id: string };
  const [secret, config, functionName] = [randomName('secret'), randomName('config'), randomName('function')];
  await made(owner.post(`${at}/secrets`, { name: secret, data: { TOKEN: randomName('value') } }));
  await made(owner.post(`${at}/configs`, { name: config, data: { MODE: randomName('value') } }));
  const archive = await tarGz([{ name: 'handler.py', content: `# ${randomName('source')}\ndef handle(event, context):\n    return 1\n` }]);
  const digest = createHash('sha256').update(archive).digest('hex');
  await made(owner.put(`${at}/code/${digest}`, archive, { headers: { 'content-type': 'application/gzip' } }));
  const fn = (await made(owner.post(`${at}/functions`, { name: functionName, runtime: 'python', source: { inline: INLINE_SOURCE }, secrets: [secret], configs: [config] }))) as { id: string };
  await made(owner.post(`${at}/triggers`, triggerBody(functionName)));
  await made(owner.post(`${at}/cron-triggers`, cronTriggerBody(functionName)));
  await made(owner.post(`${at}/kafka-triggers`, kafkaTriggerBody(functionName)));
  await made(owner.put(`${at}/functions/${functionName}/async-policy`, { maxAttempts: 2 }));
  await made(owner.post(`${at}/webhooks`, { name: randomName('hook'), url: `https://${randomName('host')}.example/in` }));
  await made(owner.post(`${at}/functions/${functionName}/async-invocations`, { order: randomName('order') }));
  await place(api.database, tenant.id);
  await book(api.database, { tenantId: tenant.id, functionId: fn.id, functionName });
  await print(api.database, { tenantId: tenant.id, functionId: fn.id });
  return { id: tenant.id, name, owner, key: new HttpClient(owner.url, key), functionName, functionId: fn.id, secret, config, digest, archive, invitation };
}

/** A trigger at a host of its own. */
export function triggerBody(functionName: string): object {
  return { name: randomName('trigger'), function: functionName, http: { host: `${randomName('host')}.example`, path: { type: 'prefix', value: '/' }, authentication: 'public' } };
}

export function cronTriggerBody(functionName: string): object {
  return { name: randomName('cron'), function: functionName, schedule: '0 2 * * *', body: randomName('cron-body') };
}

/** Of brokers that are nowhere. */
export function kafkaTriggerBody(functionName: string): object {
  return { name: randomName('kafka'), function: functionName, brokers: [`${randomName('broker')}.example:9092`], topics: [randomName('topic')] };
}

/** What the worker and the meter would write; neither runs beside these tests. */
async function place(database: Database, tenantId: string): Promise<void> {
  await database.transaction(systemContext('tests'), async (manager) => {
    await manager.query(`INSERT INTO cluster (id, name, region, state) VALUES ($1, 'tests', 'here', 'active') ON CONFLICT (name) DO NOTHING`, [randomUUID()]);
    await manager.query(`INSERT INTO placement (tenant_id, cluster_id, namespace, state) SELECT $1, id, $2, 'active' FROM cluster WHERE name = 'tests' ON CONFLICT DO NOTHING`, [tenantId, tenantNamespace(tenantId)]);
  });
}

async function book(database: Database, of: { tenantId: string; functionId: string; functionName: string }): Promise<void> {
  const totals = { invocations: 3, billedMs: 30, requestBytes: 10, responseBytes: 20 };
  const ledger = new LedgerService(database, new LedgerRepository(database), new SpendLimits(new QuotasRepository(database), new JobQueue(database)));
  await ledger.book([{ ...of, instance: randomUUID(), revision: 1, cluster: 'tests', memoryMb: 128, cpuMillis: 100, totals, at: new Date() }]);
}

async function print(database: Database, of: { tenantId: string; functionId: string }): Promise<void> {
  const intake = new LogIntakeRepository(database);
  const source = { ...of, revision: 1, cluster: 'tests', pod: randomName('pod'), podUid: randomUUID() };
  await intake.open(systemContext('tests'), source);
  const text = readText({ at: BigInt(Date.now()) * 1_000_000n, text: JSON.stringify({ message: randomName('line'), requestId: randomUUID(), order: randomName('order') }) });
  await intake.write(systemContext('tests'), of.tenantId, [{ source, texts: [text], from: 0n, to: text.at }]);
}

async function made(answer: ReturnType<HttpClient['send']>): Promise<unknown> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`a tenant could not be furnished: ${status} ${JSON.stringify(body)}`);
  return body as unknown;
}
