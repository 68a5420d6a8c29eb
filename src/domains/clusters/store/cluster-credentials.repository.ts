import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import type { Sealed } from '../../../platform/crypto/envelope.js';
import { retired } from '../../../platform/crypto/key-register.js';
import { Database, postgresCode } from '../../../platform/database/database.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { ClusterCredentialEntity } from './cluster-credential.entity.js';

const COLUMNS = selectList(ClusterCredentialEntity, 'c');
/** What the triggers on sealed rows raise. */
const KEY_NOT_ACTIVE = 'FN001';
/** More clusters than a platform has. */
const MOST_ROWS = 10_000;

@Injectable()
export class ClusterCredentialsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Writes the kubeconfig of that number, the first one or the one after it.
   * @throws {DomainError} ENCRYPTION_KEY_RETIRED
   */
  async put(context: SystemContext, clusterId: string, number: number, sealed: Sealed): Promise<void> {
    try {
      await this.database.statement(context,
        `INSERT INTO cluster_credential (cluster_id, number, key_id, wrapped_key, sealed) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (cluster_id) DO UPDATE SET number = excluded.number, key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, sealed = excluded.sealed, created_at = clock_timestamp()`,
        [clusterId, number, sealed.keyId, sealed.wrappedKey, sealed.sealed]);
    } catch (error) {
      throw postgresCode(error) === KEY_NOT_ACTIVE ? retired(sealed.keyId) : error;
    }
  }

  async find(context: SystemContext, clusterId: string): Promise<ClusterCredentialEntity | null> {
    return (await this.database.statement<ClusterCredentialEntity>(context, `SELECT ${COLUMNS} FROM cluster_credential c WHERE cluster_id = $1`, [clusterId]))[0] ?? null;
  }

  async findKeysInUse(context: SystemContext): Promise<string[]> {
    return (await this.database.statement<{ id: string }>(context, 'SELECT DISTINCT key_id AS id FROM cluster_credential ORDER BY 1')).map(({ id }) => id);
  }

  findSealedWith(context: SystemContext, keyId: string, limit = MOST_ROWS): Promise<ClusterCredentialEntity[]> {
    return this.database.statement<ClusterCredentialEntity>(context, `SELECT ${COLUMNS} FROM cluster_credential c WHERE key_id = $1 ORDER BY cluster_id LIMIT $2`, [keyId, limit]);
  }

  /** @returns whether it was still the same kubeconfig under the same key. */
  async rewrap(context: SystemContext, seen: ClusterCredentialEntity, keyId: string, wrappedKey: Buffer): Promise<boolean> {
    const rows = await this.database.statement(context,
      'UPDATE cluster_credential SET key_id = $4, wrapped_key = $5 WHERE cluster_id = $1 AND number = $2 AND key_id = $3 RETURNING cluster_id', [seen.clusterId, seen.number, seen.keyId, keyId, wrappedKey]);
    return rows.length > 0;
  }

  /** Number of the cluster's kubeconfig; 0 where it has none. Hold the cluster's lock. */
  async lastNumber(context: SystemContext, clusterId: string): Promise<number> {
    return (await this.database.statement<{ number: number }>(context, 'SELECT number FROM cluster_credential WHERE cluster_id = $1', [clusterId]))[0]?.number ?? 0;
  }
}
