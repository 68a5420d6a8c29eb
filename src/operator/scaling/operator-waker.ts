import type { Logger } from 'pino';
import type { FunctionResource } from '../../contract/function-resource.js';
import type { WakeAnswer, WakeRequest, Waker } from '../../contract/wake.js';
import { abortable } from '../../platform/kubernetes/abortable.js';
import { objectKey } from '../../platform/kubernetes/kubernetes-object.js';
import { partLogger } from '../../platform/observability/logger.js';

/** Takes a pod of the warm pool for a function; undefined where it has to start cold. */
export type ClaimPod = (fn: FunctionResource, signal: AbortSignal) => Promise<WakeAnswer | undefined>;

export interface OperatorWakerOptions {
  /** From a cache; undefined for what is not there. */
  find: (request: WakeRequest) => FunctionResource | undefined;
  /** Whether a pod answers for it already: nothing is to be claimed then. */
  hasReadyPod: (fn: FunctionResource) => boolean;
  /** Has the Function reconciled at once. `key` is `namespace/name`. */
  enqueue: (key: string) => void;
  claim?: ClaimPod | undefined;
  now?: () => number;
}

/** A claim that takes longer is worth no more than a cold start. */
const CLAIM_MS = 20_000;
/** So long a claimed pod may take to bear its function's labels where the caches see them. */
const SETTLE_MS = 5_000;
/** What was asked longer ago wakes nothing any more. */
const REMEMBERED_MS = 10 * 60_000;

/**
 * The short way out of sleep. It only hastens what the annotation on the Function says too: it marks the function as woken, has it
 * reconciled at once, and takes a warm pod for it meanwhile. However many ask, one claim of a function is under way.
 */
export class OperatorWaker implements Waker {
  private readonly log: Logger = partLogger('operator');
  private readonly now: () => number;
  private readonly woken = new Map<string, number>();
  private readonly claims = new Map<string, Promise<WakeAnswer | undefined>>();
  private readonly settling = new Map<string, NodeJS.Timeout>();
  private readonly stopping = new AbortController();

  constructor(private readonly options: OperatorWakerOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Undefined also for a function that is unknown, suspended or on its way out. Rejects with the signal's reason alone. */
  async wake(request: WakeRequest, signal: AbortSignal): Promise<WakeAnswer | undefined> {
    const fn = this.options.find(request);
    if (!fn || fn.spec.functionId !== request.functionId || fn.spec.suspension !== 'none' || fn.metadata.deletionTimestamp !== undefined) return undefined;
    this.remember(fn.spec.functionId);
    const claim = !this.options.claim || this.options.hasReadyPod(fn) ? undefined : this.claimOnce(fn, this.options.claim);
    this.options.enqueue(objectKey(fn));
    return claim && abortable(claim, signal);
  }

  /** Unix time in ms at which pods were last asked for; undefined when that is long ago. */
  wokenAt(functionId: string): number | undefined {
    return this.woken.get(functionId);
  }

  /** Whether a warm pod is being taken, or was a moment ago: none has to be started beside it. */
  isClaiming(functionId: string): boolean {
    return this.claims.has(functionId) || this.settling.has(functionId);
  }

  /** Ends the claims that are under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const timer of this.settling.values()) clearTimeout(timer);
    this.settling.clear();
    await Promise.all(this.claims.values());
  }

  private remember(functionId: string): void {
    const now = this.now();
    // In the order in which they were asked for: the oldest stand first.
    this.woken.delete(functionId);
    this.woken.set(functionId, now);
    for (const [id, at] of this.woken) {
      if (now - at <= REMEMBERED_MS) break;
      this.woken.delete(id);
    }
  }

  private claimOnce(fn: FunctionResource, claim: ClaimPod): Promise<WakeAnswer | undefined> {
    const id = fn.spec.functionId;
    const under = this.claims.get(id);
    if (under) return under;
    // Of nobody's request: who gives up must not take the pod from the others that wait.
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(CLAIM_MS)]);
    const made = claim(fn, signal).catch((error: unknown) => {
      this.log.warn({ err: error, function: objectKey(fn) }, 'no warm pod could be taken; the function starts cold');
      return undefined;
    }).then((answer) => {
      this.claims.delete(id);
      if (answer && !this.stopping.signal.aborted) this.settle(fn);
      // Without a pod of the pool its own workload has to start.
      else this.options.enqueue(objectKey(fn));
      return answer;
    });
    this.claims.set(id, made);
    return made;
  }

  private settle(fn: FunctionResource): void {
    const id = fn.spec.functionId;
    clearTimeout(this.settling.get(id));
    this.settling.set(id, setTimeout(() => {
      this.settling.delete(id);
      this.options.enqueue(objectKey(fn));
    }, SETTLE_MS).unref());
  }
}
