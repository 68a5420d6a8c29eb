import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from '@nestjs/common';
import type { Server } from 'node:http';
import { childReady, childSettings } from '../harness/child.ts';
import { compiled } from '../harness/compiled.ts';

export interface UnguardedSettings {
  /** As the platform's own process has it. */
  environment: Record<string, string>;
  tenant: { id: string; name: string };
}

/**
 * The api role with its walls taken down: no credential is read, no membership looked up, no permission asked for, and statements run as the
 * owner of the tables, past row-level security and outside any transaction. All else (routing, validation, mapping, log) is the platform's.
 * It exists to tell what the walls cost.
 */
async function main(): Promise<void> {
  const { environment, tenant } = childSettings<UnguardedSettings>();
  const [{ AccessGuard }, { Database }, { loadConfig }, { buildControlPlane }, { PERMISSIONS }] = await Promise.all([
    compiled<typeof import('../../../src/platform/auth/access.guard.js')>('platform/auth/access.guard.js'),
    compiled<typeof import('../../../src/platform/database/database.js')>('platform/database/database.js'),
    compiled<typeof import('../../../src/platform/config/config.js')>('platform/config/config.js'),
    compiled<typeof import('../../../src/roles/control-plane.js')>('roles/control-plane.js'),
    compiled<typeof import('../../../src/platform/auth/permissions.js')>('platform/auth/permissions.js'),
  ]);
  const principal = { kind: 'user' as const, key: 'user:nobody', issuer: 'none', subject: 'nobody', platformRoles: [] };
  const context = { scope: 'tenant' as const, tenantId: tenant.id, tenantName: tenant.name, principal, permissions: new Set(PERMISSIONS), requestId: 'unguarded' };
  const tenants = new Map([[tenant.id, context], [tenant.name, context]]);
  AccessGuard.prototype.canActivate = (execution: ExecutionContext) => {
    const request = execution.switchToHttp().getRequest<{ id: string; fnplane?: unknown }>();
    request.fnplane = { requestId: request.id, principal, tenants };
    return Promise.resolve(true);
  };
  const config = loadConfig(environment);
  const plane = await buildControlPlane(config);
  takeDownDatabaseWalls(plane.database, Database.prototype);
  await plane.http!.listen(0, '127.0.0.1');
  childReady(((plane.http!.getHttpServer() as Server).address() as AddressInfo).port);
}

type Plane = Awaited<ReturnType<typeof import('../../../src/roles/control-plane.js')['buildControlPlane']>>;

function takeDownDatabaseWalls({ dataSource }: Plane['database'], prototype: Plane['database']): void {
  const pool = (dataSource.driver as unknown as { master: { query(query: object): Promise<{ rows: never[] }> } }).master;
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    if (!names.has(text)) names.set(text, `bare_${names.size}`);
    return names.get(text)!;
  };
  prototype.statement = async (_context, text, values = []) => (await pool.query({ name: nameOf(text), text, values: [...values] })).rows;
  prototype.transaction = (_context, work) => work(dataSource.manager);
}

await main();
