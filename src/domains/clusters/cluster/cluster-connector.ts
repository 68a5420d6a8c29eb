import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { systemContext } from '../../../platform/context/context.js';
import { Envelope } from '../../../platform/crypto/envelope.js';
import { backoffMs } from '../../../platform/kubernetes/backoff.js';
import { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { credentialBinding } from '../credential-binding.policy.js';
import { ClusterCredentialsRepository } from '../store/cluster-credentials.repository.js';
import { ClustersRepository, type ClusterLink } from '../store/clusters.repository.js';
import { ClusterBootstrap } from './cluster-bootstrap.js';
import { ClusterConnections } from './cluster-connections.js';

const POLL_MS = 2_000;
const BACKOFF = { baseMs: 500, maxMs: 30_000 };

/** What begins and ends with a connection, beside what this domain does itself. */
export interface ConnectionHooks {
  /** The cluster has been prepared. Must return at once. */
  opened(cluster: Pick<ClusterLink, 'id' | 'name'>, client: KubernetesClient): void;
  closed(clusterId: string): Promise<void>;
}

interface OpenLink {
  number: number;
  client: KubernetesClient;
  ending: AbortController;
  preparing: Promise<void>;
}

/**
 * Connects this process to the clusters that were registered through the API, and follows what becomes of them: a new kubeconfig, a deletion, heartbeats of other
 * processes. Level-triggered: it looks every two seconds at what there is. Each cluster is opened beside the others; one that does not answer delays none.
 */
@Injectable()
export class ClusterConnector {
  private readonly log = partLogger('clusters');
  private readonly context = systemContext('cluster-connector');
  private readonly links = new Map<string, OpenLink>();
  /** When to try again what could not be opened. */
  private readonly failed = new Map<string, { times: number; again: number }>();
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;

  constructor(
    private readonly clusters: ClustersRepository,
    private readonly credentials: ClusterCredentialsRepository,
    private readonly envelope: Envelope,
    private readonly connections: ClusterConnections,
    private readonly bootstrap: ClusterBootstrap,
  ) {}

  /** Returns at once; goes on until {@link stop}. */
  start(hooks: ConnectionHooks): void {
    this.loop ??= this.run(hooks);
  }

  /** Ends all that was opened here. */
  async stop(hooks: ConnectionHooks): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await Promise.all([...this.links.keys()].map((id) => this.close(id, hooks)));
  }

  private async run(hooks: ConnectionHooks): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.look(hooks);
      } catch (error) {
        this.log.warn({ err: error }, 'the list of clusters could not be read; trying again');
      }
      await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async look(hooks: ConnectionHooks): Promise<void> {
    const there = await this.clusters.findLinks(this.context);
    const known = new Map(there.map((link) => [link.id, link]));
    await Promise.all([...this.links].filter(([id, { number }]) => known.get(id)?.number !== number).map(([id]) => this.close(id, hooks)));
    await Promise.all(there.filter((link) => this.isDue(link)).map((link) => this.open(link, hooks)));
    for (const { id, failing } of there) this.connections.heard(id, failing);
  }

  /** A client that the process brought itself goes before the registered one. */
  private isDue({ id, number }: ClusterLink): boolean {
    return number !== null && !this.links.has(id) && this.connections.get(id) === undefined && performance.now() >= (this.failed.get(id)?.again ?? 0);
  }

  private async open({ id, name }: ClusterLink, hooks: ConnectionHooks): Promise<void> {
    try {
      const credential = await this.credentials.find(this.context, id);
      if (!credential) return;
      const plain = await this.envelope.open(credential, credentialBinding(id, credential.number), this.stopping.signal);
      const client = new KubernetesClient({ cluster: name, source: { kind: 'inline', kubeconfig: plain.toString('utf8') } });
      plain.fill(0);
      const ending = new AbortController();
      this.connections.set(id, client);
      this.links.set(id, { number: credential.number, client, ending, preparing: this.prepare({ id, name }, client, ending.signal, hooks) });
      this.failed.delete(id);
    } catch (error) {
      const times = (this.failed.get(id)?.times ?? 0) + 1;
      this.failed.set(id, { times, again: performance.now() + backoffMs(times, BACKOFF) });
      this.log.warn({ err: error, cluster: name }, 'a cluster\'s kubeconfig could not be opened; trying again');
    }
  }

  /** Prepares the cluster (namespace, rights, CRD) and has it watched; tried again until it answers. */
  private async prepare(cluster: Pick<ClusterLink, 'id' | 'name'>, client: KubernetesClient, signal: AbortSignal, hooks: ConnectionHooks): Promise<void> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.bootstrap.ensure(client);
        if (!signal.aborted) hooks.opened(cluster, client);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.log.warn({ err: error, cluster: cluster.name }, 'the cluster could not be prepared yet; trying again');
        await pause(backoffMs(failures, BACKOFF), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async close(id: string, hooks: ConnectionHooks): Promise<void> {
    const link = this.links.get(id);
    if (!link) return;
    this.links.delete(id);
    link.ending.abort();
    this.connections.forget(id, link.client);
    // Ends the calls that the preparation may be waiting for.
    await link.client.close().catch(() => undefined);
    await link.preparing;
    await hooks.closed(id);
  }
}
