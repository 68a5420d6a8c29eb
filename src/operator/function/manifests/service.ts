import type { FunctionResource } from '../../../contract/function-resource.js';
import { API_GROUP, FUNCTION_PORT, LABEL, revisionServiceName, serviceName } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { Service } from '../../../platform/kubernetes/kubernetes-object.js';
import { childMetadata, functionLabels, revisionLabels } from './function-labels.js';

/** When a revision last lost its traffic, RFC 3339: it is kept a moment longer. */
export const SWITCHED_AT = `${API_GROUP}/switched-at`;

/** The function's address inside the cluster; its selector says which revision serves. */
export function buildService(fn: FunctionResource, revision: number, switchedAt: string | undefined): Service {
  const metadata = childMetadata(fn, serviceName(fn.metadata.name), functionLabels(fn));
  return withInputHash<Service>({
    metadata: switchedAt ? { ...metadata, annotations: { [SWITCHED_AT]: switchedAt } } : metadata,
    spec: { type: 'ClusterIP', selector: selectorOf(fn, revision), ports: [{ name: 'http', port: 80, targetPort: FUNCTION_PORT, protocol: 'TCP' }] },
  });
}

/** Without an address of its own: it is there for the list of one revision's ready pods. */
export function buildRevisionService(fn: FunctionResource, revision: number): Service {
  return withInputHash<Service>({
    metadata: childMetadata(fn, revisionServiceName(fn.metadata.name, revision), revisionLabels(fn, revision)),
    spec: {
      type: 'ClusterIP', clusterIP: 'None', publishNotReadyAddresses: false, selector: selectorOf(fn, revision),
      ports: [{ name: 'http', port: FUNCTION_PORT, targetPort: FUNCTION_PORT, protocol: 'TCP' }],
    },
  });
}

function selectorOf(fn: FunctionResource, revision: number): Record<string, string> {
  return { [LABEL.functionId]: fn.spec.functionId, [LABEL.revision]: String(revision) };
}

/** The revision a Service sends requests to. */
export function selectedRevision(service: Service | undefined): number | undefined {
  const number = Number(service?.spec?.selector?.[LABEL.revision]);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
