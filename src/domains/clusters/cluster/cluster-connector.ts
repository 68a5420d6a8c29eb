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

/** What begins and ends with a connection, beside what this domain does itself. Each role of the process may have its own. */
export interface ConnectionHooks {
  /** There is a client; the cluster may not answer, and nothing may be prepared on it. Must return at once. */
  connected?(cluster: Pick<ClusterLink, 'id' | 'name'>, client: KubernetesClient): void;
  /** The cluster has been prepared, which is done only where somebody asks for it by this. Must return at once. */
  opened?(cluster: Pick<ClusterLink, 'id' | 'name'>, client: KubernetesClient): void;
  closed(clusterId: string): Promise<void>;
}

interface OpenLink {
  name: string;
  number: number;
  client: KubernetesClient;
  ending: AbortController;
  preparing: Promise<void> | undefined;
  prepared: boolean;
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
  private readonly hooks = new Set<ConnectionHooks>();
  private stopping = new AbortController();
  private loop: Promise<void> | undefined;

  constructor(
    private readonly clusters: ClustersRepository,
    private readonly credentials: ClusterCredentialsRepository,
    private readonly envelope: Envelope,
    private readonly connections: ClusterConnections,
    private readonly bootstrap: ClusterBootstrap,
  ) {}

  /** Returns at once; goes on until {@link stop}. Hears of what is open already, too. */
  start(hooks: ConnectionHooks): void {
    this.hooks.add(hooks);
    for (const [id, link] of this.links) {
      hooks.connected?.({ id, name: link.name }, link.client);
      if (link.prepared) hooks.opened?.({ id, name: link.name }, link.client);
      else this.prepare(id, link);
    }
    this.loop ??= this.run();
  }

  /** Ends what these hooks began; with the last of them all that was opened here. */
  async stop(hooks: ConnectionHooks): Promise<void> {
    if (!this.hooks.has(hooks)) return;
    if (this.hooks.size > 1) {
      this.hooks.delete(hooks);
      await Promise.all([...this.links.keys()].map((id) => hooks.closed(id)));
      return;
    }
    this.stopping.abort();
    await this.loop;
    await Promise.all([...this.links.keys()].map((id) => this.close(id)));
    this.hooks.clear();
    this.loop = undefined;
    this.stopping = new AbortController();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        this.log.warn({ err: error }, 'the list of clusters could not be read; trying again');
      }
      await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    const there = await this.clusters.findLinks(this.context);
    const known = new Map(there.map((link) => [link.id, link]));
    await Promise.all([...this.links].filter(([id, { number }]) => known.get(id)?.number !== number).map(([id]) => this.close(id)));
    await Promise.all(there.filter((link) => this.isDue(link)).map((link) => this.open(link)));
    for (const { id, failing } of there) this.connections.heard(id, failing);
  }

  /** A client that the process brought itself goes before the registered one. */
  private isDue({ id, number }: ClusterLink): boolean {
    return number !== null && !this.links.has(id) && this.connections.get(id) === undefined && performance.now() >= (this.failed.get(id)?.again ?? 0);
  }

  private async open({ id, name }: ClusterLink): Promise<void> {
    try {
      const credential = await this.credentials.find(this.context, id);
      if (!credential) return;
      const plain = await this.envelope.open(credential, credentialBinding(id, credential.number), this.stopping.signal);
      const client = new KubernetesClient({ cluster: name, source: { kind: 'inline', kubeconfig: plain.toString('utf8') } });
      plain.fill(0);
      const link: OpenLink = { name, number: credential.number, client, ending: new AbortController(), preparing: undefined, prepared: false };
      this.connections.set(id, client);
      this.links.set(id, link);
      this.failed.delete(id);
      for (const hooks of this.hooks) hooks.connected?.({ id, name }, client);
      this.prepare(id, link);
    } catch (error) {
      const times = (this.failed.get(id)?.times ?? 0) + 1;
      this.failed.set(id, { times, again: performance.now() + backoffMs(times, BACKOFF) });
      this.log.warn({ err: error, cluster: name }, 'a cluster\'s kubeconfig could not be opened; trying again');
    }
  }

  /** Where somebody asks for it, once. */
  private prepare(id: string, link: OpenLink): void {
    if ([...this.hooks].some(({ opened }) => opened)) link.preparing ??= this.prepareUntilDone(id, link);
  }

  /** Prepares the cluster (namespace, rights, CRD) and has it watched; tried again until it answers. */
  private async prepareUntilDone(id: string, link: OpenLink): Promise<void> {
    const { name, client, ending: { signal } } = link;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.bootstrap.ensure(client);
        if (signal.aborted) return;
        link.prepared = true;
        for (const hooks of this.hooks) hooks.opened?.({ id, name }, client);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.log.warn({ err: error, cluster: name }, 'the cluster could not be prepared yet; trying again');
        await pause(backoffMs(failures, BACKOFF), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async close(id: string): Promise<void> {
    const link = this.links.get(id);
    if (!link) return;
    this.links.delete(id);
    link.ending.abort();
    this.connections.forget(id, link.client);
    // Ends the calls that the preparation may be waiting for.
    await link.client.close().catch(() => undefined);
    await link.preparing;
    await Promise.all([...this.hooks].map((hooks) => hooks.closed(id)));
  }
}
