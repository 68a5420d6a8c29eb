import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import type { Sealed } from '../../../platform/crypto/envelope.js';
import { retired } from '../../../platform/crypto/key-register.js';
import { Database, postgresCode } from '../../../platform/database/database.js';

/** What the triggers on sealed rows raise. */
const KEY_NOT_ACTIVE = 'FN001';
const COLUMNS = 'tenant_id AS "tenantId", webhook_id AS "webhookId", number, key_id AS "keyId", wrapped_key AS "wrappedKey", sealed, expires_at AS "expiresAt"';

export interface WebhookSecretRow extends Sealed {
  tenantId: string;
  webhookId: string;
  number: number;
  /** Null: the newest. */
  expiresAt: Date | null;
}

export interface WebhookSecretFacts {
  webhookId: string;
  number: number;
  /** Until when the one before it signs too. */
  previousUntil: Date | null;
}

/** Signing secrets, sealed. */
@Injectable()
export class WebhookSecretsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Adds a secret; the newest before it signs on for so long, older ones go. Hold the webhook's lock.
   * @throws {DomainError} ENCRYPTION_KEY_RETIRED
   */
  async add(context: TenantContext, webhookId: string, number: number, sealed: Sealed, overlapSeconds: number): Promise<void> {
    try {
      await this.database.statement(context,
        `UPDATE webhook_secret SET expires_at = clock_timestamp() + $4 * interval '1 second' WHERE tenant_id = $1 AND webhook_id = $2 AND number = $3 - 1`, [context.tenantId, webhookId, number, overlapSeconds]);
      await this.database.statement(context, 'DELETE FROM webhook_secret WHERE tenant_id = $1 AND webhook_id = $2 AND (number < $3 - 1 OR expires_at <= clock_timestamp())', [context.tenantId, webhookId, number]);
      await this.database.statement(context,
        'INSERT INTO webhook_secret (tenant_id, webhook_id, number, key_id, wrapped_key, sealed) VALUES ($1, $2, $3, $4, $5, $6)', [context.tenantId, webhookId, number, sealed.keyId, sealed.wrappedKey, sealed.sealed]);
    } catch (error) {
      throw postgresCode(error) === KEY_NOT_ACTIVE ? retired(sealed.keyId) : error;
    }
  }

  /** Those that sign, the newest first. */
  findLive(context: TenantContext, webhookId: string): Promise<WebhookSecretRow[]> {
    return this.database.statement<WebhookSecretRow>(context,
      `SELECT ${COLUMNS} FROM webhook_secret WHERE tenant_id = $1 AND webhook_id = $2 AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY number DESC`, [context.tenantId, webhookId]);
  }

  /** Of each webhook, without what is sealed. */
  async findFacts(context: TenantContext, webhookIds: readonly string[]): Promise<Map<string, WebhookSecretFacts>> {
    const rows = await this.database.statement<WebhookSecretFacts>(context,
      `SELECT webhook_id AS "webhookId", max(number) AS number, max(expires_at) FILTER (WHERE expires_at > clock_timestamp()) AS "previousUntil"
       FROM webhook_secret WHERE tenant_id = $1 AND webhook_id = ANY ($2) GROUP BY webhook_id`, [context.tenantId, webhookIds]);
    return new Map(rows.map((row) => [row.webhookId, row]));
  }

  async findKeysInUse(context: SystemContext): Promise<string[]> {
    return (await this.database.statement<{ id: string }>(context, 'SELECT id FROM encryption_key k WHERE EXISTS (SELECT FROM webhook_secret s WHERE s.key_id = k.id) ORDER BY 1')).map(({ id }) => id);
  }

  findSealedWith(context: SystemContext, keyId: string, after: WebhookSecretRow | undefined, limit: number): Promise<WebhookSecretRow[]> {
    const none = '00000000-0000-0000-0000-000000000000';
    return this.database.statement<WebhookSecretRow>(context,
      `SELECT ${COLUMNS} FROM webhook_secret WHERE key_id = $1 AND (tenant_id, webhook_id, number) > ($2::uuid, $3::uuid, $4::integer) ORDER BY tenant_id, webhook_id, number LIMIT $5`,
      [keyId, after?.tenantId ?? none, after?.webhookId ?? none, after?.number ?? 0, limit]);
  }

  /** @returns whether it was still there under the same key. */
  async rewrap(context: SystemContext, { tenantId, webhookId, number, keyId }: WebhookSecretRow, to: string, wrappedKey: Buffer): Promise<boolean> {
    const rows = await this.database.statement(context,
      'UPDATE webhook_secret SET key_id = $5, wrapped_key = $6 WHERE tenant_id = $1 AND webhook_id = $2 AND number = $3 AND key_id = $4 RETURNING number', [tenantId, webhookId, number, keyId, to, wrappedKey]);
    return rows.length > 0;
  }
}
