import { Injectable } from '@nestjs/common';
import { DomainError } from '../../platform/errors/domain-error.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { KubernetesError } from '../../platform/kubernetes/kubernetes-errors.js';
import { partLogger } from '../../platform/observability/logger.js';
import { ClustersService } from './clusters.service.js';
import { clusterRefused, clusterUnreachable, type PlacementProblem } from './placement-conditions.policy.js';

/** Work for a tenant on a cluster whose failures are told to the tenant. */
@Injectable()
export class ClusterAttempt {
  private readonly log = partLogger('placement');

  constructor(private readonly clusters: ClustersService) {}

  async run<T>(cluster: { id: string; name: string }, work: (client: KubernetesClient) => Promise<T>): Promise<T | PlacementProblem> {
    try {
      return await this.clusters.run(cluster.id, 'placement', work);
    } catch (error) {
      return this.explain(cluster.name, error);
    }
  }

  /** The cluster's own words may name its addresses: they go to the log; the tenant is told what it means. */
  explain(cluster: string, error: unknown): PlacementProblem {
    if (!(error instanceof DomainError)) throw error;
    this.log.warn({ cluster, code: error.code, detail: error.message }, 'a placement could not be carried out');
    if (error instanceof KubernetesError && !error.retryable && error.kind !== 'conflict' && error.kind !== 'not-found') return clusterRefused(cluster, error.message);
    return clusterUnreachable(cluster, error.retryAfterSeconds);
  }
}
