import { DEFAULT_HANDLER } from '../../contract/runtime.js';
import type { QuotaLimit, ReservedLimit } from '../tenants/quota-admission.js';
import { DEFAULT_SECRET_DELIVERY, type EffectiveRevision, type EffectiveScaling, type RevisionBody, type RevisionReference } from './function-body.js';
import { beyondQuota } from './functions.errors.js';

type Limits = Readonly<Record<QuotaLimit, number>>;

const DEFAULT_RESOURCES = { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 256 } as const;
const DEFAULT_TIMEOUT_SECONDS = 60;

/** Fills in what the client left out. A default never exceeds the tenant's limits; what the client asked for may, and is refused later. */
export function effectiveRevision(body: RevisionBody, limits: Limits): EffectiveRevision {
  return {
    runtime: body.runtime,
    handler: body.runtime === 'python' || body.runtime === 'node' ? body.handler ?? DEFAULT_HANDLER : '',
    resources: {
      cpuMillis: body.resources?.cpuMillis ?? Math.min(DEFAULT_RESOURCES.cpuMillis, limits.functionCpuMillis),
      memoryMb: body.resources?.memoryMb ?? Math.min(DEFAULT_RESOURCES.memoryMb, limits.functionMemoryMb),
      ephemeralStorageMb: body.resources?.ephemeralStorageMb ?? DEFAULT_RESOURCES.ephemeralStorageMb,
    },
    timeoutSeconds: body.timeoutSeconds ?? Math.min(DEFAULT_TIMEOUT_SECONDS, limits.timeoutSeconds),
    concurrency: body.concurrency ?? 0,
    // An image need not serve the metrics that are billed by: unless its owner says so, the gateway counts.
    metering: body.runtime === 'image' ? body.metering ?? 'gateway' : 'runtime',
    secretDelivery: { ...DEFAULT_SECRET_DELIVERY, ...body.secretDelivery },
  };
}

/** @throws {DomainError} FUNCTION_TOO_LARGE_FOR_QUOTA for what one function may not have, whatever else the tenant runs. */
export function demandWithinLimits(effective: EffectiveRevision, limits: Limits): void {
  const bounds: [QuotaLimit, string, number][] = [
    ['functionMemoryMb', '/resources/memoryMb', effective.resources.memoryMb],
    ['functionCpuMillis', '/resources/cpuMillis', effective.resources.cpuMillis],
    ['timeoutSeconds', '/timeoutSeconds', effective.timeoutSeconds],
  ];
  for (const [limit, pointer, asked] of bounds) if (asked > limits[limit]) throw beyondQuota(limit, pointer, limits[limit], asked);
}

/**
 * What a function holds of its tenant's quota: room for its most pods, each as large as the largest of the revisions that may have some; twice that while a rollout may keep
 * two revisions at their most.
 */
export function reservationOf(revisions: readonly EffectiveRevision[], scaling: Pick<EffectiveScaling, 'max'>, twice = false): Partial<Record<ReservedLimit, number>> {
  const pods = scaling.max * (twice ? 2 : 1);
  const most = (of: (resources: EffectiveRevision['resources']) => number): number => pods * Math.max(0, ...revisions.map(({ resources }) => of(resources)));
  return {
    functions: 1, pods, cpuMillis: most(({ cpuMillis }) => cpuMillis), memoryMb: most(({ memoryMb }) => memoryMb), ephemeralStorageMb: most(({ ephemeralStorageMb }) => ephemeralStorageMb),
  };
}

export function referencesOf(body: RevisionBody): RevisionReference[] {
  return [
    ...(body.configs ?? []).map((name) => ({ kind: 'config' as const, name })),
    ...(body.secrets ?? []).map((name) => ({ kind: 'secret' as const, name })),
    ...(body.source?.archive === undefined ? [] : [{ kind: 'code' as const, name: body.source.archive }]),
  ];
}
