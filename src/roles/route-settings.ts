import type { RouteSettings } from '../operator/route/route-settings.js';
import { required, type Config } from '../platform/config/config.js';

/** What the configuration says of a cluster's way in; undefined where the platform's gateway alone serves functions' hosts. */
export function routeSettings(config: Config): RouteSettings | undefined {
  const { FNPLANE_ROUTES: kind, FNPLANE_ROUTES_PARENT: parent, FNPLANE_ROUTES_GATEWAY_CLASS: gatewayClass, FNPLANE_ROUTES_TLS_PORT: port, FNPLANE_ROUTES_INGRESS_CLASS: ingressClass, FNPLANE_ROUTES_ANNOTATIONS: annotations, FNPLANE_ROUTES_PEERS: peers } = config;
  if (kind === 'none') return undefined;
  return {
    kind, gateway: required(config, 'FNPLANE_ROUTES_GATEWAY'),
    ...(parent ? { parent } : {}), ...(gatewayClass ? { tls: { gatewayClass, port } } : {}), ...(ingressClass ? { ingressClass } : {}), ...(annotations ? { annotations } : {}), ...(peers ? { peers } : {}),
  };
}
