import type { HttpMethod, HttpTriggerSpec } from '../../../contract/triggers.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import type { RouteSettings } from '../route-settings.js';
import { gatewayShare } from './gateway-backend.js';
import { routeMetadata, routeName, type BackendShare, type RouteInput } from './route-labels.js';

/** The parts of `gateway.networking.k8s.io/v1 HTTPRoute` that are written. */
export interface HttpRoute extends KubernetesObject {
  spec: { parentRefs: object[]; hostnames: string[]; rules: object[] };
}

/** What a caller says of these is nothing to pods: the gateway does not pass them on either. */
const NOT_PASSED = ['x-fnplane-deadline', 'x-fnplane-internal'];

/** A trigger as the Gateway API has it. What lies behind the gateway is matched and rewritten there. */
export function buildHttpRoute(input: RouteInput, { parent, tls }: RouteSettings): HttpRoute {
  const { trigger, direction, backends } = input;
  const straight = direction.to === 'pods';
  return withInputHash<HttpRoute>({
    metadata: routeMetadata(input),
    spec: {
      parentRefs: [
        ...(parent ? [{ name: parent.name, namespace: parent.namespace, ...(parent.section === undefined ? {} : { sectionName: parent.section }) }] : []),
        ...(tls && trigger.tls ? [{ name: routeName(input.fn, trigger) }] : []),
      ],
      hostnames: [trigger.host],
      rules: [
        // One a method: a prefix can be rewritten in a rule of one match alone.
        ...(straight ? trigger.methods ?? [undefined] : []).map((method) => ({ matches: [matchOf(trigger, method)], filters: filtersOf(trigger), backendRefs: backends.map(refOf) })),
        // Other methods are answered by the gateway, which says which ones there are.
        ...(straight && !trigger.methods ? [] : [{ matches: [matchOf(trigger)], backendRefs: [refOf(gatewayShare(input.fn))] }]),
      ],
    },
  });
}

function matchOf({ path }: HttpTriggerSpec, method?: HttpMethod): object {
  return { path: { type: path.type === 'exact' ? 'Exact' : 'PathPrefix', value: path.value }, ...(method === undefined ? {} : { method }) };
}

function filtersOf({ path, rewrite }: HttpTriggerSpec): object[] {
  const way = path.type === 'exact' ? { type: 'ReplaceFullPath', replaceFullPath: rewrite?.prefix } : { type: 'ReplacePrefixMatch', replacePrefixMatch: rewrite?.prefix };
  return [
    { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: NOT_PASSED } },
    ...(rewrite ? [{ type: 'URLRewrite', urlRewrite: { path: way } }] : []),
  ];
}

function refOf({ service, port, weight }: BackendShare): object {
  return { name: service, port, weight };
}
