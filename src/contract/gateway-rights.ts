import { FUNCTION_PLURAL } from './function-resource.js';
import { API_GROUP } from './names.js';

/** Identity of gateways, in the system namespace; also the name of its roles. */
export const GATEWAY_ACCOUNT = 'fnplane-gateway';

export interface AccessRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const READ = ['list', 'watch'];

/** What a gateway may do on the whole of a cluster: follow functions and their addresses, and mark one as wanted. It changes nothing else, and reads no Secret of a tenant. */
export function gatewayRules(): AccessRule[] {
  return [
    // Patch: the mark that wakes.
    { apiGroups: [API_GROUP], resources: [FUNCTION_PLURAL], verbs: [...READ, 'patch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
  ];
}

/** In the system namespace alone: who may call what. */
export function gatewaySystemRules(): AccessRule[] {
  return [{ apiGroups: [''], resources: ['secrets'], verbs: READ }];
}

/** Beside them where the pod network is out of a gateway's reach: requests then go through the API server, to the Services of functions. */
export function gatewayProxyRules(): AccessRule[] {
  return [{ apiGroups: [''], resources: ['services/proxy'], verbs: ['get', 'create', 'update', 'patch', 'delete'] }];
}
