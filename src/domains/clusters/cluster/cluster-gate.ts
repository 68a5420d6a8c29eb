import { KubernetesError } from '../../../platform/kubernetes/kubernetes-errors.js';
import { Turnstile } from '../../../platform/crypto/turnstile.js';
import { clusterBusy, clusterNotAnswering } from '../clusters.errors.js';

/** Calls in a row that timed out before the cluster is left alone. */
const TIMEOUTS = 2;
const ALONE_MS = 10_000;
const WAIT_MS = 1_000;

export interface GateOptions {
  /** Pieces of work at once: fewer than the jobs of a kind a process runs, so that some are always left for other clusters. */
  most: number;
}

/** Keeps a cluster that hangs from holding the jobs that others wait for: bounded work at once, and none while it is known not to answer. */
export class ClusterGate {
  private readonly turns: Turnstile;
  private timeouts = 0;
  private aloneUntil = 0;
  private failing = false;

  constructor({ most }: GateOptions) {
    this.turns = new Turnstile(most, WAIT_MS, clusterBusy);
  }

  /** @throws {DomainError} CLUSTER_NOT_ANSWERING, CLUSTER_BUSY, at once or after a second. */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.demandOpen();
    return this.turns.take(async () => {
      // The cluster may have been found out while this waited for its turn.
      this.demandOpen();
      try {
        const result = await work();
        this.timeouts = 0;
        return result;
      } catch (error) {
        this.note(error);
        throw error;
      }
    });
  }

  /** What the last heartbeat, of any process, came to. */
  heard(failing: boolean): void {
    this.failing = failing;
    if (failing) return;
    this.timeouts = 0;
    this.aloneUntil = 0;
  }

  private demandOpen(): void {
    if (this.failing || performance.now() < this.aloneUntil) throw clusterNotAnswering();
  }

  private note(error: unknown): void {
    this.timeouts = error instanceof KubernetesError && error.code === 'KUBERNETES_TIMEOUT' ? this.timeouts + 1 : 0;
    if (this.timeouts >= TIMEOUTS) this.aloneUntil = performance.now() + ALONE_MS;
  }
}
