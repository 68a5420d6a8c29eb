import { randomBytes } from 'node:crypto';
import { Gauge } from 'prom-client';
import { ConfigurationError } from '../config/config.js';
import { systemContext } from '../context/context.js';
import type { Database } from '../database/database.js';
import { DomainError } from '../errors/domain-error.js';
import { partLogger } from '../observability/logger.js';
import { registry } from '../observability/metrics.js';
import type { WrappedKey } from './key-provider.js';
import type { KeyProviders } from './key-providers.js';

/** A key-encryption key that was ever sealed with. */
export interface RegisteredKey {
  id: string;
  provider: string;
  /** A data key that it wrapped for nothing but this: who opens it has the same key. Null for keys from before there was a register. */
  checkValue: Buffer | null;
  state: 'active' | 'retired';
  firstUsedAt: Date;
  retiredAt: Date | null;
}

/** How to find out what a key of no check value wrapped, and which keys rows still need. */
export interface SealedRows {
  sample(keyId: string): Promise<WrappedKey | undefined>;
  keysInUse(): Promise<string[]>;
}

/** A service's key versions are looked up anew after this, beside a call that uses the one known. */
const FRESH_MS = 60_000;
const CHECK_BYTES = 32;
const COLUMNS = 'id, provider, check_value AS "checkValue", state, first_used_at AS "firstUsedAt", retired_at AS "retiredAt"';

const log = partLogger('keys');
const missing = new Gauge({ name: 'fnplane_encryption_keys_missing', help: 'Keys that rows are sealed with and this process cannot open.', registers: [registry] });

/**
 * What is known of key-encryption keys in Postgres, so that an id always means the same key: one that is used for the first time leaves a check value, one that
 * no row needs any more is retired and never comes back. Nothing is sealed with a key that has not passed.
 */
export class KeyRegister {
  private readonly context = systemContext('keys');
  private known: string | undefined;
  private knownAt = 0;
  private refreshing: Promise<string> | undefined;

  constructor(
    private readonly database: Database,
    private readonly providers: KeyProviders,
  ) {}

  /**
   * Id of the key that seals, registered. Waits for the key service only the first time; later it looks for a newer version beside.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE, ENCRYPTION_KEY_RETIRED, ENCRYPTION_KEY_DIFFERS, SECRET_UNREADABLE (no keys at all).
   */
  async current(): Promise<string> {
    const provider = this.providers.demandSealing();
    if (this.known === undefined) return this.refresh();
    if (provider.remote && Date.now() - this.knownAt > FRESH_MS) this.refresh().catch((error: unknown) => log.warn({ err: error }, 'the sealing key could not be looked up; the one known is used'));
    return this.known;
  }

  /** As {@link current}, from the key service itself. */
  refresh(): Promise<string> {
    this.refreshing ??= this.lookUp().finally(() => { this.refreshing = undefined; });
    return this.refreshing;
  }

  /**
   * At start: proves that each registered key this process has is the one that the register knows, and that the sealing key may seal. A key service that does not answer
   * is asked again when it is needed; a key that rows need and nobody configured is told, and the secrets that need it cannot be opened.
   * @throws {ConfigurationError}
   */
  async verify(rows: SealedRows): Promise<void> {
    if (!this.providers.sealing) return;
    for (const key of await this.findAll()) {
      if (this.providers.opening(key.id)) await this.prove(key, rows);
    }
    try {
      await this.refresh();
    } catch (error) {
      if (error instanceof DomainError && (error.code === 'ENCRYPTION_KEY_RETIRED' || error.code === 'ENCRYPTION_KEY_DIFFERS')) throw new ConfigurationError(`fnplane cannot start:\n  - ${error.message}`);
      if (!(error instanceof DomainError) || error.code !== 'KEY_SERVICE_UNAVAILABLE') throw error;
      log.error({ err: error }, 'the key service does not answer: until it does no secret is written or read');
    }
    const lost = (await rows.keysInUse()).filter((id) => !this.providers.opening(id));
    missing.set(lost.length);
    if (lost.length > 0) log.error({ keys: lost }, 'secrets are sealed with keys that this process does not have: they cannot be opened until the keys are configured again');
  }

  findAll(): Promise<RegisteredKey[]> {
    return this.database.statement<RegisteredKey>(this.context, `SELECT ${COLUMNS} FROM encryption_key ORDER BY first_used_at, id`);
  }

  private async lookUp(): Promise<string> {
    const id = await this.providers.demandSealing().currentKey();
    if (id !== this.known) await this.register(id);
    this.known = id;
    this.knownAt = Date.now();
    return id;
  }

  /** The row must be visible to all before anything is sealed with the key, so it is written apart from what is under way. */
  private register(id: string): Promise<void> {
    return this.database.outside(async () => {
      const provider = this.providers.demandSealing();
      const find = (): Promise<RegisteredKey[]> => this.database.statement<RegisteredKey>(this.context, `SELECT ${COLUMNS} FROM encryption_key WHERE id = $1`, [id]);
      let [row] = await find();
      if (!row) {
        const [check] = await provider.wrap(id, [{ dataKey: randomBytes(CHECK_BYTES), boundTo: checkOf(id) }]);
        await this.database.statement(this.context, 'INSERT INTO encryption_key (id, provider, check_value) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING', [id, provider.kind, check]);
        [row] = await find();
      }
      if (row!.state === 'retired') throw retired(id);
      if (row!.checkValue && !(await this.openable(id, { wrappedKey: row!.checkValue, boundTo: checkOf(id) }))) throw differs(id);
    });
  }

  private async prove(key: RegisteredKey, rows: SealedRows): Promise<void> {
    try {
      const proof = key.checkValue ? { wrappedKey: key.checkValue, boundTo: checkOf(key.id) } : await rows.sample(key.id);
      if (proof && !(await this.openable(key.id, proof))) throw new ConfigurationError(`fnplane cannot start:\n  - ${differs(key.id).message}`);
      if (!key.checkValue) await this.addCheck(key.id);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'KEY_SERVICE_UNAVAILABLE') throw error;
      log.error({ err: error, key: key.id }, 'a key could not be checked: its service does not answer');
    }
  }

  private async addCheck(id: string): Promise<void> {
    const [check] = await this.providers.opening(id)!.wrap(id, [{ dataKey: randomBytes(CHECK_BYTES), boundTo: checkOf(id) }]);
    await this.database.statement(this.context, 'UPDATE encryption_key SET check_value = $2 WHERE id = $1 AND check_value IS NULL', [id, check]);
  }

  private async openable(id: string, proof: WrappedKey): Promise<boolean> {
    const [opened] = await this.providers.opening(id)!.unwrap(id, [proof]);
    opened?.fill(0);
    return opened !== undefined;
  }
}

function checkOf(id: string): string {
  return `key-check:${id}`;
}

function differs(id: string): DomainError {
  return new DomainError('unavailable', 'ENCRYPTION_KEY_DIFFERS', `The encryption key ${id} is not the key that was used under this id before; an id is never given to another key. Configure the former key again, or give the new one a new id.`);
}

export function retired(id: string): DomainError {
  return new DomainError('unavailable', 'ENCRYPTION_KEY_RETIRED', `The encryption key ${id} is retired and seals nothing any more; an id is never used again. Seal with a key of a new id.`, { retryAfterSeconds: 5 });
}

