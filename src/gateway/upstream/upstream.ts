import type { Dispatcher } from 'undici';
import type { RevisionSpec } from '../../contract/function-resource.js';
import type { UsageRecord } from '../counters/usage-counters.js';

/** One request as it leaves the gateway. `headers` is a flat name/value list that includes `host`. */
export interface UpstreamRequest {
  path: string;
  method: string;
  headers: string[];
  body: Buffer | import('node:stream').Readable | null;
  /** The protocol that is asked for in place of HTTP. */
  upgrade?: 'websocket';
}

const FIRST_EJECTION_MS = 250;
const MAX_EJECTION_MS = 5000;

/** Somewhere a function's requests can be sent to: a pod, or its Service behind the API server. */
export abstract class Upstream {
  inFlight = 0;
  /** Where its billable requests are counted, once there was one. */
  usage: UsageRecord | undefined = undefined;
  private failures = 0;
  private ejectedUntil = 0;
  private draining = false;

  constructor(
    /** Tells apart two pods that had the same address one after the other. Changes once: when an endpoint names a pod that a wake brought. */
    public id: string,
    /** Value of the answer header that says who served: `<function>@<revision>`. */
    readonly servedBy: string,
    readonly revision: RevisionSpec,
    /** Requests it may hold at once. */
    public capacity: number,
  ) {}

  isUsable(nowMs: number): boolean {
    return this.inFlight < this.capacity && this.ejectedUntil <= nowMs;
  }

  /** Left alone because it could not be connected to. */
  isEjected(nowMs: number): boolean {
    return this.ejectedUntil > nowMs;
  }

  /** A connection could not be made: left alone for a while, doubling, so that requests wait or go elsewhere. */
  noteUnreachable(nowMs: number): void {
    this.ejectedUntil = nowMs + Math.min(MAX_EJECTION_MS, FIRST_EJECTION_MS * 2 ** this.failures);
    this.failures++;
  }

  noteReached(): void {
    if (this.failures > 0) {
      this.failures = 0;
      this.ejectedUntil = 0;
    }
  }

  release(): void {
    this.inFlight--;
    if (this.draining && this.inFlight === 0) this.close();
  }

  /** No new requests come; connections close when the last one under way has ended. */
  drain(): void {
    this.draining = true;
    if (this.inFlight === 0) this.close();
  }

  abstract dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void;

  /** Whether the function sees the caller's `Host` and credentials: not where the API server reads them first. */
  abstract readonly transparent: boolean;

  protected abstract close(): void;
}
