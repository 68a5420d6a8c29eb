import { Injectable } from '@nestjs/common';
import type { Permission, TenantRole } from '../../../platform/auth/permissions.js';
import { systemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface FoundKey {
  id: string;
  tenantId: string;
  tenantName: string;
  /** Of the credential that has the asked-for prefix, with the time it ends. */
  hash: string;
  expiresAt: Date | null;
  role: TenantRole;
  scopes: Permission[] | null;
}

export interface FoundTenant {
  id: string;
  name: string;
  /** Role of the asked-for member; null for none. */
  role: TenantRole | null;
}

/** The two questions of authentication, which come before any tenant is known. One statement each. */
@Injectable()
export class AccessLookupRepository {
  private readonly context = systemContext('access');

  constructor(private readonly database: Database) {}

  /** A key that is neither revoked nor expired, of a tenant that is not gone: by its present credential, or by the one before it until that ends. */
  async findKey(prefix: string): Promise<FoundKey | null> {
    const rows = await this.query<FoundKey>(
      `SELECT api_key.id, api_key.tenant_id AS "tenantId", tenant.name AS "tenantName", api_key.role, api_key.scopes, credential.hash, credential.until AS "expiresAt"
       FROM api_key JOIN tenant ON tenant.id = api_key.tenant_id AND tenant.state <> 'deleted'
       CROSS JOIN LATERAL (VALUES (api_key.prefix, api_key.hash, api_key.expires_at), (api_key.previous_prefix, api_key.previous_hash, api_key.previous_until)) AS credential (prefix, hash, until)
       WHERE (api_key.prefix = $1 OR api_key.previous_prefix = $1) AND api_key.revoked_at IS NULL
         AND credential.prefix = $1 AND (credential.until IS NULL OR credential.until > clock_timestamp())`, [prefix]);
    return rows[0] ?? null;
  }

  /** The tenant of a name or id, with the role the person has in it. */
  async findTenant(reference: string, issuer: string, subject: string): Promise<FoundTenant | null> {
    const rows = await this.query<FoundTenant>(
      `SELECT tenant.id, tenant.name, member.role
       FROM tenant LEFT JOIN member ON member.tenant_id = tenant.id AND member.issuer = $2 AND member.subject = $3
       WHERE tenant.${UUID.test(reference) ? 'id' : 'name'} = $1 AND tenant.state <> 'deleted'`, [reference, issuer, subject]);
    return rows[0] ?? null;
  }

  /** A deleted tenant, which has no name any more that would be its own. */
  async findEnded(id: string): Promise<{ id: string; name: string } | null> {
    const rows = UUID.test(id) ? await this.query<{ id: string; name: string }>(`SELECT id, name FROM tenant WHERE id = $1 AND state = 'deleted'`, [id]) : [];
    return rows[0] ?? null;
  }

  private query<Row extends object>(statement: string, values: unknown[]): Promise<Row[]> {
    return this.database.statement<Row>(this.context, statement, values);
  }
}
