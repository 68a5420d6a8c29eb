import { isIP } from 'node:net';
import { z } from 'zod';
import { json } from './json-setting.js';

const ADDRESSES = 'must be IP:PORT, several divided by commas, with the same port and of one family';

/** `10.0.0.5:3080,10.0.0.6:3080`, `[fd00::5]:3080`. */
const gatewayAddresses = z.string().transform((text, context) => {
  const parts = text.split(',').map((part) => /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(part.trim()));
  const addresses = parts.map((part) => part?.[1] ?? part?.[2] ?? '');
  const [port] = parts.map((part) => Number(part?.[3]));
  const sound = parts.every((part) => Number(part?.[3]) === port) && addresses.every((address) => isIP(address) !== 0 && isIP(address) === isIP(addresses[0]!));
  if (sound && port) return { addresses, port };
  context.addIssue({ code: 'custom', message: ADDRESSES });
  return z.NEVER;
});

const parent = z.string().regex(/^[a-z0-9][-a-z0-9]*(\/[a-z0-9][-a-z0-9.]*){1,2}$/, 'must be NAMESPACE/NAME of a Gateway, and /LISTENER where it is one of several').transform((text) => {
  const [namespace = '', name = '', section] = text.split('/');
  return { namespace, name, ...(section === undefined ? {} : { section }) };
});

/** How functions' hosts and paths are written for a cluster's own way in. */
export const ROUTE_SHAPE = {
  FNPLANE_ROUTES: z.enum(['none', 'gateway-api', 'ingress']).default('none'),
  /** Where that way in reaches the platform's gateways. */
  FNPLANE_ROUTES_GATEWAY: gatewayAddresses.optional(),
  /** Gateway API: the `Gateway` that routes belong to. */
  FNPLANE_ROUTES_PARENT: parent.optional(),
  /** Gateway API: class of the `Gateway`s that show tenants' own certificates, and where they listen. */
  FNPLANE_ROUTES_GATEWAY_CLASS: z.string().optional(),
  FNPLANE_ROUTES_TLS_PORT: z.coerce.number().int().min(1).max(65_535).default(443),
  FNPLANE_ROUTES_INGRESS_CLASS: z.string().optional(),
  FNPLANE_ROUTES_ANNOTATIONS: json(z.record(z.string(), z.string())).optional(),
  /** `NetworkPolicyPeer`s: where its pods stand, which reach functions' pods past the gateway. */
  FNPLANE_ROUTES_PEERS: json(z.array(z.looseObject({}).refine((peer) => 'namespaceSelector' in peer || 'podSelector' in peer || 'ipBlock' in peer, 'must have a namespaceSelector, podSelector or ipBlock'))).optional(),
};
