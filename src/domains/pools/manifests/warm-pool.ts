import { LABEL, MANAGED_BY, tenantNamespace } from '../../../contract/names.js';
import { WARM_POOL_NAME, type PoolRuntime, type WarmPoolResource } from '../../../contract/pool-resource.js';
import type { PoolBounds } from '../pool-bounds.policy.js';

/** What the operator keeps ready for the tenant, of the runtimes' present images; undefined where nothing shall wait. */
export function buildWarmPool(tenant: { id: string; name: string }, bounds: readonly PoolBounds[], images: Readonly<Record<PoolRuntime, string>>): Omit<WarmPoolResource, 'apiVersion' | 'kind'> | undefined {
  const runtimes = bounds.filter(({ max }) => max > 0).map(({ runtime, min, max }) => ({ runtime, image: images[runtime], min, max }));
  if (runtimes.length === 0) return undefined;
  return {
    metadata: { name: WARM_POOL_NAME, namespace: tenantNamespace(tenant.id), labels: { [LABEL.managedBy]: MANAGED_BY, [LABEL.tenant]: tenant.id } },
    spec: { tenant: tenant.name, tenantId: tenant.id, runtimes },
  };
}
