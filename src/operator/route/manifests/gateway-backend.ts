import type { FunctionResource } from '../../../contract/function-resource.js';
import { API_GROUP, LABEL, MANAGED_BY } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { EndpointSlice, Service } from '../../../platform/kubernetes/kubernetes-object.js';
import { childMetadata, functionLabels } from '../../function/manifests/function-labels.js';
import type { RouteSettings } from '../route-settings.js';
import type { BackendShare } from './route-labels.js';

/** Of the Service and the slice by which a function's routes find the platform's gateways: a backend must stand in the route's own namespace. */
export function gatewayBackendName(functionName: string): string {
  return `${functionName}---gateway`;
}

export function gatewayShare(fn: FunctionResource): BackendShare {
  return { service: gatewayBackendName(fn.metadata.name), port: 80, weight: 1 };
}

/** Selects no pods; without an address of its own. */
export function buildGatewayService(fn: FunctionResource, { gateway }: RouteSettings): Service {
  return withInputHash<Service>({
    metadata: childMetadata(fn, gatewayBackendName(fn.metadata.name), functionLabels(fn)),
    spec: { type: 'ClusterIP', clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: gateway.port, protocol: 'TCP' }] },
  });
}

/** Without the label that names a function: by that gateways know the slices of pods, and these are gateways themselves. */
export function buildGatewaySlice(fn: FunctionResource, { gateway }: RouteSettings): EndpointSlice {
  const name = gatewayBackendName(fn.metadata.name);
  const labels = {
    [LABEL.managedBy]: MANAGED_BY, [LABEL.tenant]: fn.spec.tenantId, [LABEL.functionId]: fn.spec.functionId,
    'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': `operator.${API_GROUP}`,
  };
  return withInputHash<EndpointSlice>({
    metadata: childMetadata(fn, name, labels),
    addressType: gateway.addresses[0]?.includes(':') ? 'IPv6' : 'IPv4',
    ports: [{ name: 'http', port: gateway.port, protocol: 'TCP' }],
    endpoints: gateway.addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  });
}
