import type { FunctionResource } from '../../../contract/function-resource.js';
import { FUNCTION_PORT, LABEL, serviceName } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { NetworkPolicy } from '../../../platform/kubernetes/kubernetes-object.js';
import type { Peer } from '../../route/route-settings.js';
import { childMetadata, functionLabels } from './function-labels.js';

/**
 * Who reaches a function's pods, on its port alone: the data path (gateway, meter), and the tenant's own functions when
 * `sameTenant`. The namespace's default-deny policy (the worker's) forbids all else; probes come from the node, which
 * Kubernetes always admits.
 * @param wayIn where the cluster's way in stands, for functions that it reaches past the gateway
 */
export function buildNetworkPolicy(fn: FunctionResource, sameTenant: boolean, wayIn: readonly Peer[] = []): NetworkPolicy {
  return withInputHash<NetworkPolicy>({
    metadata: childMetadata(fn, serviceName(fn.metadata.name), functionLabels(fn)),
    spec: {
      podSelector: { matchLabels: { [LABEL.functionId]: fn.spec.functionId } },
      policyTypes: ['Ingress'],
      ingress: [{
        from: [
          { namespaceSelector: { matchExpressions: [{ key: LABEL.dataPath, operator: 'Exists' }] } },
          ...(sameTenant ? [{ namespaceSelector: { matchLabels: { [LABEL.tenant]: fn.spec.tenantId } } }] : []),
          ...wayIn,
        ],
        ports: [{ port: FUNCTION_PORT, protocol: 'TCP' }],
      }],
    },
  });
}
