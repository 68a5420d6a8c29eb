import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import type { RouteSettings } from '../route-settings.js';
import { routeMetadata, type RouteInput } from './route-labels.js';

/** The parts of `networking.k8s.io/v1 Ingress` that are written. */
export interface IngressRoute extends KubernetesObject {
  spec: { ingressClassName?: string; tls?: object[]; rules: object[] };
}

/** A trigger as an Ingress: one path, and one Service for all of its requests. */
export function buildIngress(input: RouteInput, { ingressClass, annotations }: RouteSettings): IngressRoute {
  const { host, path, tls } = input.trigger;
  const [backend] = input.backends;
  if (!backend || input.backends.length > 1) throw new TypeError(`an Ingress has one backend, not ${input.backends.length}`); // The policy sends shares over the gateway.
  return withInputHash<IngressRoute>({
    metadata: routeMetadata(input, annotations),
    spec: {
      ...(ingressClass === undefined ? {} : { ingressClassName: ingressClass }),
      ...(tls === undefined ? {} : { tls: [{ hosts: [host], secretName: tls.secret }] }),
      rules: [{
        host,
        http: { paths: [{ path: path.value, pathType: path.type === 'exact' ? 'Exact' : 'Prefix', backend: { service: { name: backend.service, port: { number: backend.port } } } }] },
      }],
    },
  });
}
