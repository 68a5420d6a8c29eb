import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { childMetadata, functionLabels } from '../../function/manifests/function-labels.js';
import type { RouteSettings } from '../route-settings.js';
import { routeName, type RouteInput } from './route-labels.js';

/** The parts of `gateway.networking.k8s.io/v1 Gateway` that are written. */
export interface TlsGateway extends KubernetesObject {
  spec: { gatewayClassName: string; listeners: object[] };
}

/** Where a host is served with its tenant's certificate: a `Gateway` beside it, as one of another namespace could not read the Secret without a grant for each tenant. */
export function buildTlsGateway({ fn, trigger }: Pick<RouteInput, 'fn' | 'trigger'>, { gatewayClass, port }: NonNullable<RouteSettings['tls']>): TlsGateway {
  return withInputHash<TlsGateway>({
    metadata: childMetadata(fn, routeName(fn, trigger), functionLabels(fn)),
    spec: {
      gatewayClassName: gatewayClass,
      listeners: [{
        name: 'https', hostname: trigger.host, port, protocol: 'HTTPS', tls: { mode: 'Terminate', certificateRefs: [{ name: trigger.tls?.secret }] }, allowedRoutes: { namespaces: { from: 'Same' } },
      }],
    },
  });
}
