import { Injectable } from '@nestjs/common';
import { ANNOTATION, FIELD_MANAGER, LABEL } from '../../../contract/names.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isNotFound } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject, Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { changedAt, podsToHurry } from './live-secrets.plan.js';

const log = partLogger('functions');

export interface LiveContent {
  client: KubernetesClient;
  namespace: string;
  functionId: string;
  /** The live objects as the API server holds them. */
  live: readonly KubernetesObject[];
  /** What they hold, as a keyed hash. */
  mark: string;
}

/** Brings new values of live secrets to running pods sooner than by itself. */
@Injectable()
export class LiveSecrets {
  /**
   * A kubelet looks at the files of a pod about once a minute, and at once when the pod's object changes: so an annotation is
   * changed. Where that fails nothing is lost but the hurry.
   */
  async hurry({ client, namespace, functionId, live, mark }: LiveContent): Promise<void> {
    try {
      const { items } = await client.list<Pod>(RESOURCE.pod, { namespace, labelSelector: `${LABEL.functionId}=${functionId}` });
      for (const { metadata } of podsToHurry(items, mark, changedAt(live))) {
        await client.patch(RESOURCE.pod, metadata, { metadata: { annotations: { [ANNOTATION.liveSecrets]: mark } } }, { fieldManager: FIELD_MANAGER.worker }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      log.info({ code: error.code, functionId }, 'new values of live secrets reach the pods at their nodes\' own pace');
    }
  }
}
