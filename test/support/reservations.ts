import { expect } from 'vitest';
import { systemContext } from '../../src/platform/context/context.js';
import type { Database } from '../../src/platform/database/database.js';

type Amounts = Record<string, number>;

interface Books {
  /** What exists, as holders would hold it. */
  things: { holder: string; amounts: Amounts }[];
  reservations: { holder: string; amounts: Amounts }[];
  reserved: Amounts;
}

/** All three in one statement, so that what is compared is one state of the database. */
const BOOKS = `
WITH sized AS (
  SELECT function.id, (function.scaling ->> 'max')::integer AS pods, revision.effective -> 'resources' AS resources
  FROM function JOIN revision ON revision.tenant_id = function.tenant_id AND revision.function_id = function.id AND revision.number = function.target_revision
  WHERE function.tenant_id = $1
), thing AS (
  SELECT 'function:' || id AS holder, jsonb_build_object('functions', 1, 'pods', pods, 'cpuMillis', pods * (resources ->> 'cpuMillis')::integer,
    'memoryMb', pods * (resources ->> 'memoryMb')::integer, 'ephemeralStorageMb', pods * (resources ->> 'ephemeralStorageMb')::integer) AS amounts FROM sized
  UNION ALL SELECT 'secret:' || id, '{"secrets": 1}' FROM secret WHERE tenant_id = $1
  UNION ALL SELECT 'config:' || id, '{"configSets": 1}' FROM config_set WHERE tenant_id = $1
  UNION ALL SELECT 'code:' || digest, jsonb_build_object('codeMb', ceil(size_bytes / 1048576.0)) FROM code_archive WHERE tenant_id = $1
)
SELECT (SELECT coalesce(jsonb_agg(thing), '[]') FROM thing) AS things,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('holder', holder, 'amounts', amounts)), '[]') FROM quota_reservation WHERE tenant_id = $1) AS reservations,
  (SELECT reserved FROM tenant_quota WHERE tenant_id = $1) AS reserved`;

/** Without what is zero. */
function some(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== 0));
}

function byHolder(list: Books['things']): Record<string, Amounts> {
  return Object.fromEntries(list.map(({ holder, amounts }) => [holder, some(amounts)]));
}

/** What a tenant's things add up to. */
export function sumOf(list: readonly { amounts: Amounts }[]): Amounts {
  const sums: Amounts = {};
  for (const { amounts } of list) for (const [limit, amount] of Object.entries(amounts)) sums[limit] = (sums[limit] ?? 0) + amount;
  return some(sums);
}

/**
 * The books of a tenant's quota are exact: each thing that exists holds what it needs, nothing else holds anything, and the sums
 * in the tenant's row are those of all holders. Answers the sums.
 */
export async function expectExactBooks(database: Database, tenantId: string): Promise<Amounts> {
  const [books] = await database.transaction(systemContext('test'), (manager) => manager.query<Books[]>(BOOKS, [tenantId]));
  const { things, reservations, reserved } = books!;
  expect(byHolder(reservations)).toEqual(byHolder(things));
  expect(some(reserved)).toEqual(sumOf(things));
  return some(reserved);
}
