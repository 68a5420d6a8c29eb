import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { cpuQuantity, mebibyteQuantity } from '../../../platform/kubernetes/quantity.js';
import type { QuotaLimit } from '../../tenants/quota-admission.js';
import { tenantMetadata } from './placement-objects.js';

export interface ResourceQuota extends KubernetesObject {
  spec: { hard: Record<string, string> };
}

type Quantities = Record<'cpu' | 'memory' | 'ephemeral-storage', string>;

export interface LimitRange extends KubernetesObject {
  spec: { limits: { type: 'Container'; default: Quantities; defaultRequest: Quantities; max: Quantities }[] };
}

export const BOUNDS = 'fnplane.bounds';

/**
 * Room for a roll-out: the new revision's pods stand beside the old one's for a while. What a tenant may really have is admitted
 * exactly in Postgres; the quota here is the wall behind it.
 */
const SURGE = 2;
/** A target and a serving revision, one that drains, one that is being removed. */
const REVISIONS_AT_ONCE = 4;
/** Objects that clusters put into every namespace themselves (root certificates and the like). */
const FOREIGN_OBJECTS = 10;

const DEFAULT_LIMIT = { cpuMillis: 500, memoryMb: 512, ephemeralStorageMb: 512 };
const DEFAULT_REQUEST = { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 256 };

/**
 * `count/functions.fnplane.dev` is left out on purpose: until a cluster's quota controller has discovered a new resource, it
 * refuses each one of them with "status unknown".
 */
export function buildResourceQuota(tenantId: string, limits: Readonly<Record<QuotaLimit, number>>): ResourceQuota {
  const cpu = cpuQuantity(limits.cpuMillis * SURGE);
  const memory = mebibyteQuantity(limits.memoryMb * SURGE);
  const storage = mebibyteQuantity(limits.ephemeralStorageMb * SURGE);
  const perRevision = String(limits.functions * REVISIONS_AT_ONCE + FOREIGN_OBJECTS);
  return {
    metadata: tenantMetadata(tenantId, BOUNDS),
    spec: {
      hard: {
        'requests.cpu': cpu, 'limits.cpu': cpu,
        'requests.memory': memory, 'limits.memory': memory,
        'requests.ephemeral-storage': storage, 'limits.ephemeral-storage': storage,
        pods: String(limits.pods * SURGE),
        'services.nodeports': '0', 'services.loadbalancers': '0', persistentvolumeclaims: '0',
        'count/services': String(limits.functions * SURGE), 'count/deployments.apps': perRevision, 'count/configmaps': perRevision, 'count/secrets': perRevision,
      },
    },
  };
}

/** What a container gets that asks for nothing, and the most one may ask for. Functions always name their sizes. */
export function buildLimitRange(tenantId: string, limits: Readonly<Record<QuotaLimit, number>>): LimitRange {
  const max = { cpuMillis: limits.functionCpuMillis, memoryMb: limits.functionMemoryMb, ephemeralStorageMb: limits.ephemeralStorageMb };
  return {
    metadata: tenantMetadata(tenantId, BOUNDS),
    spec: { limits: [{ type: 'Container', default: quantities(atMost(DEFAULT_LIMIT, max)), defaultRequest: quantities(atMost(DEFAULT_REQUEST, max)), max: quantities(max) }] },
  };
}

type Size = typeof DEFAULT_LIMIT;

function atMost(size: Size, max: Size): Size {
  return { cpuMillis: Math.min(size.cpuMillis, max.cpuMillis), memoryMb: Math.min(size.memoryMb, max.memoryMb), ephemeralStorageMb: Math.min(size.ephemeralStorageMb, max.ephemeralStorageMb) };
}

function quantities(size: Size): Quantities {
  return { cpu: cpuQuantity(size.cpuMillis), memory: mebibyteQuantity(size.memoryMb), 'ephemeral-storage': mebibyteQuantity(size.ephemeralStorageMb) };
}
