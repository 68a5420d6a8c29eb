import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { RolloutEngine } from '../../contract/function-resource.js';
import type { SystemContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database, isForeignKeyViolation, isUniqueViolation } from '../../platform/database/database.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { TENANT_JOB } from '../tenants/tenants.service.js';
import { isReachable } from './cluster-health.policy.js';
import { clusterInUse, clusterInvalid, clusterNameTaken, clusterNotFound, clusterOfProcess } from './clusters.errors.js';
import { credentialBinding } from './credential-binding.policy.js';
import { CLUSTER_HEARTBEAT_JOB } from './jobs/cluster-heartbeat.job.js';
import { KubeconfigCheck } from './kubeconfig-check.js';
import { PLACEMENT_JOB } from './placement-job.js';
import { PLACEMENT_STATES, type ClusterCapacity, type ClusterState } from './placement-states.js';
import type { ClusterEntity } from './store/cluster.entity.js';
import { ClusterCredentialsRepository } from './store/cluster-credentials.repository.js';
import { ClustersRepository } from './store/clusters.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

export interface RegisterCluster {
  name: string;
  region: string;
  labels?: Record<string, string>;
  capacity?: ClusterCapacity | null;
  gatewayUrl?: string | null;
  rolloutEngine?: RolloutEngine;
  kubeconfig: string;
}

export interface ChangeCluster {
  region?: string;
  labels?: Record<string, string | null> | null;
  capacity?: ClusterCapacity | null;
  gatewayUrl?: string | null;
  rolloutEngine?: RolloutEngine;
  kubeconfig?: string;
}

/** Over which the tenants of a changed cluster are looked at. */
const SPREAD_MS = 5_000;

/** What operators of the platform do with clusters. A kubeconfig goes in and never comes out again but into the workers' connections. */
@Injectable()
export class ClusterAdministrationService {
  constructor(
    private readonly database: Database,
    private readonly clusters: ClustersRepository,
    private readonly credentials: ClusterCredentialsRepository,
    private readonly placements: PlacementsRepository,
    private readonly envelope: Envelope,
    private readonly check: KubeconfigCheck,
    private readonly jobs: JobQueue,
    private readonly audit: AuditService,
  ) {}

  /** @throws {DomainError} CLUSTER_NAME_TAKEN, CLUSTER_INVALID, KUBECONFIG_INVALID, CLUSTER_PROBE_FAILED, ROLLOUT_ENGINE_MISSING. */
  async register(context: SystemContext, command: RegisterCluster): Promise<ClusterEntity> {
    const gatewayUrl = originOf(command.gatewayUrl);
    if (await this.clusters.find(context, command.name)) throw clusterNameTaken(command.name);
    const rolloutEngine = command.rolloutEngine ?? 'operator';
    const kubernetes = await this.check.probe(command.name, command.kubeconfig, rolloutEngine);
    const now = new Date();
    const cluster: ClusterEntity = {
      id: randomUUID(), name: command.name, region: command.region, labels: command.labels ?? {}, connection: 'registered', state: 'active', capacity: command.capacity ?? null, gatewayUrl,
      rolloutEngine, kubernetes, heartbeatAt: now, attemptedAt: now, message: null, conditions: [], version: 1, createdAt: now, updatedAt: now,
    };
    try {
      return await this.envelope.inTurn(() => this.database.transaction(context, async () => {
        await this.clusters.insert(context, cluster);
        await this.seal(context, cluster.id, 1, command.kubeconfig);
        await this.jobs.enqueue(context, { kind: CLUSTER_HEARTBEAT_JOB, key: cluster.id, group: cluster.id });
        await this.audit.record(context, { action: 'cluster.create', target: targetOf(cluster), after: factsOf(cluster) });
        return cluster;
      }));
    } catch (error) {
      if (isUniqueViolation(error, 'cluster_name_key')) throw clusterNameTaken(command.name);
      throw error;
    }
  }

  /** Merge patch. @throws {DomainError} CLUSTER_NOT_FOUND, ETAG_MISMATCH, CLUSTER_OF_PROCESS, CLUSTER_INVALID, KUBECONFIG_INVALID, CLUSTER_PROBE_FAILED, ROLLOUT_ENGINE_MISSING. */
  async change(context: SystemContext, reference: string, command: ChangeCluster, expected: ExpectedEtag): Promise<ClusterEntity> {
    const gatewayUrl = command.gatewayUrl === undefined ? undefined : originOf(command.gatewayUrl);
    const known = await this.clusters.find(context, reference);
    if (!known) throw clusterNotFound();
    const { kubeconfig } = command;
    if (known.connection === 'process' && (kubeconfig !== undefined || command.region !== undefined)) throw clusterOfProcess(kubeconfig === undefined ? 'region' : 'kubeconfig');
    if (kubeconfig !== undefined) await this.check.probe(known.name, kubeconfig, command.rolloutEngine ?? known.rolloutEngine);
    return this.envelope.inTurn(() => this.write(context, reference, expected, async (before) => {
      if (kubeconfig !== undefined) await this.seal(context, before.id, (await this.credentials.lastNumber(context, before.id)) + 1, kubeconfig);
      return {
        ...(command.region === undefined ? {} : { region: command.region }),
        ...(command.labels === undefined ? {} : { labels: mergeLabels(before.labels, command.labels) }),
        ...(command.capacity === undefined ? {} : { capacity: command.capacity }),
        ...(gatewayUrl === undefined ? {} : { gatewayUrl }),
        ...(command.rolloutEngine === undefined ? {} : { rolloutEngine: command.rolloutEngine }),
      };
    }, 'cluster.update'));
  }

  /** `cordoned`: takes no new tenants. `draining`: also gives its own to others, as soon as they are ready there. */
  setState(context: SystemContext, reference: string, state: ClusterState, expected: ExpectedEtag): Promise<ClusterEntity> {
    return this.write(context, reference, expected, () => Promise.resolve({ state }), ({ active: 'cluster.uncordon', cordoned: 'cluster.cordon', draining: 'cluster.drain' } as const)[state]);
  }

  /** @throws {DomainError} CLUSTER_NOT_FOUND, ETAG_MISMATCH, CLUSTER_IN_USE, CLUSTER_OF_PROCESS while a process's own answers. */
  async delete(context: SystemContext, reference: string, expected: ExpectedEtag): Promise<ClusterEntity> {
    return this.database.transaction(context, async () => {
      const cluster = await this.lock(context, reference, expected);
      const placed = await this.placements.countOn(context, cluster.id);
      if (placed > 0) throw clusterInUse(cluster.name, placed);
      if (cluster.connection === 'process' && isReachable(cluster, new Date())) throw clusterOfProcess(undefined);
      await this.clusters.remove(context, cluster.id).catch((error: unknown) => {
        throw isForeignKeyViolation(error) ? clusterInUse(cluster.name, 1) : error;
      });
      await this.audit.record(context, { action: 'cluster.delete', target: targetOf(cluster), before: factsOf(cluster) });
      return cluster;
    });
  }

  private write(context: SystemContext, reference: string, expected: ExpectedEtag, change: (before: ClusterEntity) => Promise<Partial<ClusterEntity>>, action: `cluster.${string}`): Promise<ClusterEntity> {
    return this.database.transaction(context, async () => {
      const before = await this.lock(context, reference, expected);
      const changed = { ...(await change(before)), version: before.version + 1, updatedAt: new Date() };
      const cluster = { ...before, ...changed };
      await this.clusters.update(context, before.id, changed);
      await this.audit.record(context, { action, target: targetOf(cluster), before: factsOf(before), after: factsOf(cluster) });
      // Labels, region and state are what tenants are placed by.
      await this.placements.enqueueAllOn(context, cluster.id, PLACEMENT_STATES, PLACEMENT_JOB, SPREAD_MS);
      // Each function is told who steps it.
      if (before.rolloutEngine !== cluster.rolloutEngine) await this.placements.enqueueAllOn(context, cluster.id, PLACEMENT_STATES, TENANT_JOB, SPREAD_MS);
      return cluster;
    });
  }

  private async lock(context: SystemContext, reference: string, expected: ExpectedEtag): Promise<ClusterEntity> {
    const cluster = await this.clusters.lock(context, reference);
    if (!cluster) throw clusterNotFound();
    checkEtag(expected, cluster);
    return cluster;
  }

  private async seal(context: SystemContext, clusterId: string, number: number, kubeconfig: string): Promise<void> {
    const plain = Buffer.from(kubeconfig);
    const sealed = await this.envelope.seal(plain, credentialBinding(clusterId, number)).finally(() => plain.fill(0));
    await this.credentials.put(context, clusterId, number, sealed);
  }
}

function targetOf({ id, name }: ClusterEntity): { kind: string; id: string; name: string } {
  return { kind: 'cluster', id, name };
}

function factsOf({ name, region, labels, capacity, gatewayUrl, rolloutEngine, state }: ClusterEntity): Partial<ClusterEntity> {
  return { name, region, labels, capacity, gatewayUrl, rolloutEngine, state };
}

/** RFC 7396: null removes. */
function mergeLabels(before: Record<string, string>, change: Record<string, string | null> | null): Record<string, string> {
  if (change === null) return {};
  return Object.fromEntries(Object.entries({ ...before, ...change }).filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Requests are signed for their path: a gateway stands at the root of its address. */
function originOf(url: string | null | undefined): string | null {
  if (url === null || url === undefined) return null;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.pathname !== '/' || parsed.search || parsed.hash || parsed.username || parsed.password) {
    throw clusterInvalid('/gatewayUrl', 'must be an http or https address without path, query and credentials');
  }
  return parsed.origin;
}
