import type { Logger } from 'pino';
import { LABEL } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../platform/kubernetes/object-store.js';
import { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { servesType } from '../../platform/kubernetes/served-types.js';
import { partLogger } from '../../platform/observability/logger.js';
import type { ArgoRollout } from './manifests/argo-rollout.js';

/** `unknown`: the API server has not said yet, or the Rollouts that stand have not been listed. */
export type ArgoPresence = 'unknown' | 'missing' | 'present';

/** The API server is asked again so often: while it has no such type, and while it has. */
const MISSING_MS = 3_000;
const PRESENT_MS = 30_000;
const TIMEOUT_MS = 5_000;
const BY_FUNCTION = 'function';

export interface ArgoRolloutsOptions {
  client: KubernetesClient;
  namespace?: string | undefined;
}

/** What a cluster has of Argo Rollouts: whether its `Rollout` is known there, and the Rollouts of functions. Nothing is watched where it is not. */
export class ArgoRollouts {
  readonly rollouts: Reflector<ArgoRollout>;
  private readonly log: Logger = partLogger('operator');
  private installed: boolean | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;
  private asking: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly options: ArgoRolloutsOptions) {
    const { client, namespace } = options;
    this.rollouts = new Reflector<ArgoRollout>(client, RESOURCE.rollout, {
      ...(namespace ? { namespace } : {}), labelSelector: LABEL.functionId, indexers: { [BY_FUNCTION]: byLabel(LABEL.functionId) },
    });
  }

  /** Asks the API server, when its last answer is too old to be believed. */
  async look(): Promise<ArgoPresence> {
    const age = performance.now() - this.askedAt;
    if (age >= (this.installed ? PRESENT_MS : MISSING_MS)) {
      this.asking ??= this.ask().finally(() => { this.asking = undefined; });
      await this.asking;
    }
    return this.presence;
  }

  get presence(): ArgoPresence {
    if (this.installed === undefined) return 'unknown';
    if (!this.installed) return 'missing';
    return this.rollouts.isSynced ? 'present' : 'unknown';
  }

  /** Of the function, by its id. */
  find(functionId: string, namespace: string): ArgoRollout | undefined {
    return this.rollouts.byIndex(BY_FUNCTION, functionId).find(({ metadata }) => metadata.namespace === namespace);
  }

  adopt(object: KubernetesObject): void {
    this.rollouts.adopt(object as ArgoRollout);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.asking;
    await this.rollouts.stop();
  }

  private async ask(): Promise<void> {
    try {
      this.installed = await servesType(this.options.client, RESOURCE.rollout, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      this.log.warn({ err: error }, 'whether Argo Rollouts is installed could not be asked');
    }
    this.askedAt = performance.now();
    if (this.installed && !this.stopped) this.rollouts.start();
  }
}
