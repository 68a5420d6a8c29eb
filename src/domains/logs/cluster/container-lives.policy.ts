import { FUNCTION_CONTAINER, LABEL, tenantNamespace } from '../../../contract/names.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import type { LogSource } from '../store/log-intake.repository.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whose pod it is; undefined for what the platform would not have put there. */
export function sourceOf({ metadata }: Pod, cluster: string): LogSource | undefined {
  const { uid = '', name, namespace, labels = {} } = metadata;
  const [tenantId = '', functionId = '', revision] = [labels[LABEL.tenant], labels[LABEL.functionId], Number(labels[LABEL.revision])];
  if (![uid, tenantId, functionId].every((id) => UUID.test(id)) || namespace !== tenantNamespace(tenantId) || !Number.isInteger(revision)) return undefined;
  return { tenantId, functionId, revision, cluster, pod: name, podUid: uid };
}

/** What there is to read of a pod's container. */
export interface ContainerLives {
  /** The life before the present one, where the node may still have its log. */
  previous?: string;
  current?: { id: string; ended: boolean };
}

export function livesOf({ status }: Pod): ContainerLives {
  const container = status?.containerStatuses?.find(({ name }) => name === FUNCTION_CONTAINER);
  if (!container) return {};
  const { state, lastState, containerID } = container;
  const previous = lastState?.terminated?.containerID;
  const id = state?.running ? containerID : state?.terminated?.containerID;
  return { ...(previous ? { previous } : {}), ...(id && id !== previous ? { current: { id, ended: !state?.running } } : {}) };
}
