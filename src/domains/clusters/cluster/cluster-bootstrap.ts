import { Injectable } from '@nestjs/common';
import { FIELD_MANAGER } from '../../../contract/names.js';
import { ensureCrd } from '../../../platform/kubernetes/ensure-crd.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { buildSystem } from '../manifests/system.js';

const MANAGER = { fieldManager: FIELD_MANAGER.worker };

/** What a cluster needs once: the system namespace, the operator's identity and rights, the `Function` definition. */
@Injectable()
export class ClusterBootstrap {
  private readonly done = new WeakMap<KubernetesClient, Promise<void>>();

  /** Once a process and cluster; the same run serves everybody who asks meanwhile. A failed one is tried again by the next. */
  ensure(client: KubernetesClient): Promise<void> {
    let run = this.done.get(client);
    if (!run) {
      run = this.run(client);
      this.done.set(client, run);
      run.catch(() => this.done.delete(client));
    }
    return run;
  }

  /** Something of it is missing: the next to ask makes it again. */
  forget(client: KubernetesClient): void {
    this.done.delete(client);
  }

  private async run(client: KubernetesClient): Promise<void> {
    const [namespace, ...others] = buildSystem();
    await client.apply(namespace.type, namespace.manifest, MANAGER);
    await Promise.all([
      ensureCrd(client, FIELD_MANAGER.worker),
      ...others.map(({ type, manifest }) => client.apply(type, manifest, MANAGER)),
    ]);
  }
}
