import { Injectable } from '@nestjs/common';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { clusterNotConnected } from '../clusters.errors.js';
import { ClusterGate } from './cluster-gate.js';

/** Kinds of work on clusters, each with turns of its own: as many as leave some of the kind's jobs for other clusters. */
const TURNS = { placement: 6, functions: 4 } as const;
export type ClusterWork = keyof typeof TURNS;

interface Connection {
  client: KubernetesClient;
  gates: Record<ClusterWork, ClusterGate>;
}

/** The clusters this process can talk to. The clients stay theirs who opened them. */
@Injectable()
export class ClusterConnections {
  private readonly connections = new Map<string, Connection>();

  set(clusterId: string, client: KubernetesClient): void {
    if (this.get(clusterId) === client) return;
    this.connections.set(clusterId, { client, gates: { placement: new ClusterGate({ most: TURNS.placement }), functions: new ClusterGate({ most: TURNS.functions }) } });
  }

  get(clusterId: string): KubernetesClient | undefined {
    return this.connections.get(clusterId)?.client;
  }

  /** Only while it is that client: another one may have taken its place. */
  forget(clusterId: string, client: KubernetesClient): void {
    if (this.get(clusterId) === client) this.connections.delete(clusterId);
  }

  /** What the last heartbeat, of any process, came to. */
  heard(clusterId: string, failing: boolean): void {
    for (const gate of Object.values(this.connections.get(clusterId)?.gates ?? {})) gate.heard(failing);
  }

  /** @throws {DomainError} CLUSTER_NOT_CONNECTED, CLUSTER_NOT_ANSWERING, CLUSTER_BUSY; what `work` throws. */
  async run<T>(clusterId: string, kind: ClusterWork, work: (client: KubernetesClient) => Promise<T>): Promise<T> {
    const connection = this.connections.get(clusterId);
    if (!connection) throw clusterNotConnected();
    return connection.gates[kind].run(() => work(connection.client));
  }
}
