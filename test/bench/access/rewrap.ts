import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { compiled } from '../harness/compiled.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, medianRatio, median, spread, type Findings } from '../harness/result.ts';
import type { AccessStage } from './stage.ts';

const SECRETS = 8_000;
/** Rows of one statement, on both sides. */
const BATCH = 500;
/** Low enough for any machine of the kind the platform runs on. */
const LEAST_PER_SECOND = 2_000;
const NONCE = 12;
const TAG = 16;
const BARE_TABLE = 'bench_bare_version';
const KEYS = ['bench-a', 'bench-b'] as const;

interface Row {
  secretId: string;
  wrappedKey: Buffer;
}

type Rewrap = (from: string, to: string) => Promise<number>;

/** Secrets that are given another key, each second: the worker's own code over AES-GCM and UPDATEs on a table without triggers and row-level security. */
export async function benchRewrap(stage: AccessStage): Promise<Findings> {
  const { ground, tenant, rounds, progress, signal } = stage;
  const ring = new Map(KEYS.map((id) => [id as string, randomBytes(32)]));
  const client = new Client({ connectionString: ground.databaseUrl });
  await client.connect();
  const { rewrap, close } = await platformRewrap(ground.databaseUrl, ring, signal);
  try {
    await prepare(client, tenant.id, ring.get(KEYS[0])!);
    const sides: Record<'platform' | 'bare', Rewrap> = { platform: rewrap, bare: (from, to) => bareRewrap(client, tenant.id, ring, from, to) };
    const steal = watchSteal();
    const perSecond = { platform: [] as number[], bare: [] as number[] };
    let keys = [...KEYS] as [string, string];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      signal.throwIfAborted();
      const order = round % 2 === 0 ? ['platform', 'bare'] as const : ['bare', 'platform'] as const;
      for (const side of order) {
        await client.query(`VACUUM ${side === 'bare' ? BARE_TABLE : 'secret_version'}`);
        const begun = performance.now();
        const done = await sides[side](...keys);
        if (done !== SECRETS) throw new Error(`${side}: ${done} of ${SECRETS} secrets got another key`);
        if (round > 0) perSecond[side].push((SECRETS * 1000) / (performance.now() - begun));
      }
      keys = [keys[1], keys[0]];
      if (round > 0) progress.say(`  round ${round}: ${Math.round(perSecond.platform.at(-1)!)}/s, bare ${Math.round(perSecond.bare.at(-1)!)}/s`);
    }
    return {
      steal: steal(),
      results: [
        buildResult({ name: 'rewrap of secrets', figure: medianRatio(perSecond.platform, perSecond.bare), unit: 'ratio', relativeTo: 'bare AES-GCM and UPDATE, secrets/s', bound: { op: '>=', value: 0.5 } }),
        buildResult({ name: 'rewrap of secrets, each second', figure: median(perSecond.platform), unit: '/s', bound: { op: '>=', value: LEAST_PER_SECOND } }),
      ],
      notes: [`${spread(perSecond.platform, '/s')} over ${spread(perSecond.bare, '/s')}; ${SECRETS} secrets in batches of ${BATCH}`],
    };
  } finally {
    await client.query(`DROP TABLE IF EXISTS ${BARE_TABLE}`).catch(() => undefined);
    await client.end();
    await close();
  }
}

/** What the worker runs for one part of a run, over all parts one by one. */
async function platformRewrap(url: string, ring: ReadonlyMap<string, Buffer>, signal: AbortSignal): Promise<{ rewrap: Rewrap; close(): Promise<void> }> {
  const [{ Database }, { Envelope }, { KeyProviders }, { LocalKeyProvider }, { SealedRowsRepository }, { REWRAP_PARTS, SecretRewrap }] = await Promise.all([
    compiled<typeof import('../../../src/platform/database/database.js')>('platform/database/database.js'),
    compiled<typeof import('../../../src/platform/crypto/envelope.js')>('platform/crypto/envelope.js'),
    compiled<typeof import('../../../src/platform/crypto/key-providers.js')>('platform/crypto/key-providers.js'),
    compiled<typeof import('../../../src/platform/crypto/local-key-provider.js')>('platform/crypto/local-key-provider.js'),
    compiled<typeof import('../../../src/domains/configuration/store/sealed-rows.repository.js')>('domains/configuration/store/sealed-rows.repository.js'),
    compiled<typeof import('../../../src/domains/configuration/secret-rewrap.js')>('domains/configuration/secret-rewrap.js'),
  ]);
  const database = new Database({ url, poolSize: 2 });
  await database.open();
  const provider = new LocalKeyProvider([...ring].map(([id, key]) => `${id}:${key.toString('base64')}`).join(','));
  // Neither the register of keys nor the audit log nor other holders are asked for a part.
  const work = new SecretRewrap(database, new Envelope(new KeyProviders(provider, [provider]), {} as never, 1), new SealedRowsRepository(database), {} as never, {} as never);
  const rewrap: Rewrap = async (from, to) => {
    let done = 0;
    for (const part of REWRAP_PARTS) done += (await work.rewrapPart(from, to, part, signal)).rewrapped;
    return done;
  };
  return { rewrap, close: () => database.close() };
}

/** The rows of both sides: sealed as the platform seals, all under the first key. */
async function prepare(client: Client, tenantId: string, key: Buffer): Promise<void> {
  const ids = Array.from({ length: SECRETS }, () => randomUUID());
  const wrapped = ids.map((id) => encrypt(key, randomBytes(32), aadOf(KEYS[0], tenantId, id)));
  await client.query(`INSERT INTO encryption_key (id, provider) SELECT unnest($1::text[]), 'local'`, [KEYS]);
  await client.query(`INSERT INTO secret (tenant_id, id, name, keys, current_version) SELECT $1, id, 'bench-' || id, '{A}', 1 FROM unnest($2::uuid[]) AS id`, [tenantId, ids]);
  await client.query(`INSERT INTO secret_version (tenant_id, secret_id, number, key_id, wrapped_key, sealed, keys)
    SELECT $1, s.id, 1, $2, s.wrapped, $3, '{A}' FROM unnest($4::uuid[], $5::bytea[]) AS s (id, wrapped)`, [tenantId, KEYS[0], randomBytes(100), ids, wrapped]);
  await client.query(`CREATE TABLE ${BARE_TABLE} (LIKE secret_version INCLUDING ALL)`);
  await client.query(`INSERT INTO ${BARE_TABLE} SELECT * FROM secret_version WHERE key_id = $1`, [KEYS[0]]);
  await client.query(`ANALYZE secret_version, ${BARE_TABLE}`);
}

async function bareRewrap(client: Client, tenantId: string, ring: ReadonlyMap<string, Buffer>, from: string, to: string): Promise<number> {
  let done = 0;
  for (;;) {
    const { rows } = await client.query<Row>({ name: 'bare_page', text: `SELECT secret_id AS "secretId", wrapped_key AS "wrappedKey" FROM ${BARE_TABLE} WHERE key_id = $1 LIMIT ${BATCH}`, values: [from] });
    if (rows.length === 0) return done;
    const wrapped = rows.map(({ secretId, wrappedKey }) => encrypt(ring.get(to)!, decrypt(ring.get(from)!, wrappedKey, aadOf(from, tenantId, secretId)), aadOf(to, tenantId, secretId)));
    const { rowCount } = await client.query({
      name: 'bare_update',
      text: `UPDATE ${BARE_TABLE} v SET key_id = $1, wrapped_key = f.wrapped FROM unnest($2::uuid[], $3::bytea[]) AS f (id, wrapped) WHERE v.tenant_id = $4 AND v.secret_id = f.id AND v.number = 1`,
      values: [to, rows.map(({ secretId }) => secretId), wrapped, tenantId],
    });
    done += rowCount ?? 0;
  }
}

function aadOf(keyId: string, tenantId: string, secretId: string): Buffer {
  return Buffer.from(`key:${keyId}:${tenantId}/${secretId}/1`);
}

function encrypt(key: Buffer, value: Buffer, aad: Buffer): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, value: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, value.subarray(0, NONCE), { authTagLength: TAG }).setAAD(aad);
  decipher.setAuthTag(value.subarray(-TAG));
  return Buffer.concat([decipher.update(value.subarray(NONCE, -TAG)), decipher.final()]);
}
