import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { systemContext, type SystemContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { KeyRegister } from '../../platform/crypto/key-register.js';
import { Database } from '../../platform/database/database.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { AuditService } from '../audit/audit.service.js';
import type { KeyWithUse, RewrapRun } from './sealed-rows.js';
import { bindingOf } from './secret-binding.policy.js';
import { SealedHolders } from './sealed-holders.js';
import { REWRAP_JOB, REWRAP_PARTS } from './secret-rewrap.js';
import { SealedRowsRepository } from './store/sealed-rows.repository.js';

export interface EncryptionStatus {
  /** Absent while the key service does not answer and this process has not sealed yet. */
  sealingKey?: string;
  keys: (KeyWithUse & { sealing: boolean; available: boolean })[];
  /** The latest one. */
  run?: RewrapRun;
}

/** What secrets are sealed with, and the rotation of it. */
@Injectable()
export class EncryptionService {
  constructor(
    private readonly database: Database,
    private readonly register: KeyRegister,
    private readonly envelope: Envelope,
    private readonly rows: SealedRowsRepository,
    private readonly holders: SealedHolders,
    private readonly jobs: JobQueue,
    private readonly audit: AuditService,
  ) {}

  /** To be called before anything is sealed or opened. @throws {ConfigurationError} when a configured key is not the one its id stands for, or may not seal any more. */
  verifyKeys(): Promise<void> {
    const context = systemContext('keys');
    return this.register.verify({
      sample: async (keyId) => {
        const row = await this.rows.findSample(context, keyId);
        return row ? { wrappedKey: row.wrappedKey, boundTo: bindingOf(row.tenantId, row.secretId, row.number) } : this.holders.sample(context, keyId);
      },
      keysInUse: async () => [...new Set([...(await this.rows.findKeysInUse(context)), ...(await this.holders.keysInUse(context))])],
    });
  }

  async status(caller: SystemContext): Promise<EncryptionStatus> {
    const sealingKey = await this.envelope.currentKey().catch(() => undefined);
    // The run first: keys that are read after a run was seen done show all that it did.
    const [run, keys] = await this.database.transaction(caller, async () => [await this.rows.findLatestRun(caller), await this.rows.findKeys(caller)] as const);
    return {
      ...(sealingKey === undefined ? {} : { sealingKey }),
      keys: keys.map((key) => ({ ...key, sealing: key.id === sealingKey, available: this.envelope.canOpen(key.id) })),
      ...(run ? { run } : {}),
    };
  }

  /**
   * Asks for all sealed rows to be given the key that seals now. While such a run is under way it goes through all rows once more.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE
   */
  async requestRewrap(caller: SystemContext): Promise<EncryptionStatus> {
    const target = await this.envelope.currentKey();
    await this.database.transaction(caller, async () => {
      const run = await this.rows.openRun(caller, randomUUID(), target, REWRAP_PARTS);
      for (const part of REWRAP_PARTS) await this.jobs.enqueue(caller, { kind: REWRAP_JOB, key: part });
      await this.audit.record(caller, { action: 'encryption.rewrap', target: { kind: 'encryption-key', id: run.id, name: target }, after: { target } });
    });
    return this.status(caller);
  }
}
