import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { Pool } from 'pg';
import { childReady, childSettings } from '../harness/child.ts';

export interface BareRouteSettings {
  databaseUrl: string;
  poolSize: number;
  /** The platform's own statements, as it sends them. */
  begin: string;
  select: string;
  values: unknown[];
  gatewayUrl: string;
  tenantName: string;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a row as pg gives it
type Row = Record<string, any>;

/** What the platform answers, put together from the row by hand. */
function toBody(row: Row, { gatewayUrl, tenantName }: BareRouteSettings): object {
  const { runtime: _, handler, secretDelivery = { as: 'environment', updates: 'rolling' }, ...effective } = row.target_effective;
  const { traffic, revisions, rollout, scale } = row.release;
  return {
    ...row.target_spec, ...row.settings,
    id: row.id, tenantId: row.tenant_id, name: row.name, state: row.state, generation: row.generation, etag: `${row.id.slice(0, 8)}-${row.version}`,
    createdAt: row.created_at, updatedAt: row.updated_at,
    effective: { ...effective, secretDelivery, handler: handler === '' ? undefined : handler, scaling: row.scaling, traffic: row.traffic, rollout: row.rollout, authentication: row.authentication, image: row.target_image ?? undefined },
    status: {
      observedGeneration: row.observed_generation, targetRevision: row.target_revision, servingRevision: row.serving_revision ?? undefined,
      replicas: row.replicas, readyReplicas: row.ready_replicas, url: `${gatewayUrl}/${tenantName}/${row.name}/`,
      traffic: traffic ?? [{ revision: row.serving_revision, percent: 100 }], revisions, scale: { active: scale.active, since: new Date(scale.since) },
      rollout: rollout ?? { revision: row.target_revision, attempt: row.rollout_state.attempt, phase: 'completed', step: 0, weight: 100 },
      conditions: row.conditions.map(({ type, status, reason, message, lastTransitionTime }: Row) => ({ type, status, reason, message, lastTransitionTime: new Date(lastTransitionTime) })),
    },
  };
}

/** One route that runs the platform's statements and answers the same JSON. No authentication, no validation, no log. */
async function main(): Promise<void> {
  const settings = childSettings<BareRouteSettings>();
  const pool = new Pool({ connectionString: settings.databaseUrl, max: settings.poolSize });
  const app = fastify();
  app.get('/function', async () => {
    const client = await pool.connect();
    try {
      await client.query(settings.begin);
      const { rows } = await client.query<Row>(settings.select, settings.values);
      await client.query('COMMIT');
      return toBody(rows[0]!, settings);
    } finally {
      client.release();
    }
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  childReady((app.server.address() as AddressInfo).port);
}

await main();
