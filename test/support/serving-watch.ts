import { setTimeout as pause } from 'node:timers/promises';
import type { FunctionResource } from '../../src/contract/function-resource.js';
import { revisionName } from '../../src/contract/names.js';
import { findCondition } from '../../src/platform/kubernetes/conditions.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import { KubernetesError } from '../../src/platform/kubernetes/kubernetes-errors.js';
import type { Deployment } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';

const EVERY_MS = 100;

/** Sees to it from now on that what serves stands: the workload of every function's serving revision, and one that says it serves. While the API server is away it sees nothing. */
export class ServingWatch {
  private readonly gaps = new Set<string>();
  private readonly ending = new AbortController();
  private readonly looking: Promise<void>;

  constructor(private readonly client: KubernetesClient, private readonly namespace: string) {
    this.looking = this.run();
  }

  /** Looks no further. Answers what was missing in the meantime. */
  async end(): Promise<string[]> {
    this.ending.abort();
    await this.looking;
    return [...this.gaps];
  }

  private async run(): Promise<void> {
    while (!this.ending.signal.aborted) {
      await this.look().catch((error: unknown) => {
        if (!(error instanceof KubernetesError)) throw error;
      });
      await pause(EVERY_MS);
    }
  }

  private async look(): Promise<void> {
    // In this order: a revision that lost the traffic after the first answer is removed seconds later.
    const functions = await this.client.list<FunctionResource>(RESOURCE.function, { namespace: this.namespace });
    const deployments = await this.client.list<Deployment>(RESOURCE.deployment, { namespace: this.namespace });
    const standing = new Set(deployments.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name));
    for (const { metadata, status } of functions.items) {
      if (status?.servingRevision === undefined || metadata.deletionTimestamp !== undefined) continue;
      const condition = findCondition(status.conditions, 'Serving');
      if (!standing.has(revisionName(metadata.name, status.servingRevision))) this.gaps.add(`${metadata.name}: revision ${status.servingRevision} serves and does not stand`);
      if (condition?.status !== 'True') this.gaps.add(`${metadata.name}: ${condition?.message}`);
    }
  }
}
