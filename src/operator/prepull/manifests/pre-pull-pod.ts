import { FUNCTION_SERVICE_ACCOUNT, LABEL, MANAGED_BY } from '../../../contract/names.js';
import { contentHash } from '../../../platform/kubernetes/drift.js';
import type { OwnerReference, Pod } from '../../../platform/kubernetes/kubernetes-object.js';

/** Value of {@link LABEL.component} on pods that bring an image to a node. */
export const PRE_PULL_COMPONENT = 'pre-pull';
/** Kubernetes ends one that takes longer. */
export const PRE_PULL_SECONDS = 300;

/** Nothing lies below: whatever the image holds, an empty folder is mounted over it. */
const NOTHING = '/fnplane/nothing';
/** `nonroot` of distroless images, as function pods have it. */
const FUNCTION_UID = 65_532;

/** For whom an image is brought: the pods stand in its namespace and go with it. */
export interface PullOwner {
  namespace: string;
  tenantId: string;
  reference: OwnerReference;
}

/**
 * A pod that makes one node pull an image and does nothing: its command does not exist, so no code of the image ever runs and it ends
 * by itself, of any image. In the tenant's own namespace and quota, so that no image is named outside of it; selected by no Service.
 * The name follows from owner, image and node: the same wish twice is one pod.
 */
export function buildPrePullPod({ namespace, tenantId, reference }: PullOwner, image: string, node: string): Pod {
  const size = { cpu: '10m', memory: '32Mi', 'ephemeral-storage': '1Mi' };
  return {
    metadata: {
      name: `pre-pull-${contentHash({ owner: reference.uid, image, node }).slice(0, 16)}`,
      namespace,
      labels: { [LABEL.managedBy]: MANAGED_BY, [LABEL.tenant]: tenantId, [LABEL.component]: PRE_PULL_COMPONENT },
      ownerReferences: [reference],
    },
    spec: {
      serviceAccountName: FUNCTION_SERVICE_ACCOUNT,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Never',
      activeDeadlineSeconds: PRE_PULL_SECONDS,
      terminationGracePeriodSeconds: 0,
      // By the scheduler, not past it: a node that takes no pods of functions takes none of these.
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] } } },
      securityContext: { runAsNonRoot: true, runAsUser: FUNCTION_UID, runAsGroup: FUNCTION_UID, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name: 'pull',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: [`${NOTHING}/at-all`],
        resources: { requests: size, limits: size },
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'nothing', mountPath: NOTHING, readOnly: true }],
      }],
      volumes: [{ name: 'nothing', emptyDir: { sizeLimit: '1Mi' } }],
    },
  };
}
