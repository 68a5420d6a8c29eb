import type { Logger } from 'pino';
import { FUNCTION_PORT } from '../../contract/names.js';
import type { WakeAnswer, Waker } from '../../contract/wake.js';
import { abortable } from '../../platform/kubernetes/abortable.js';
import { backoffMs } from '../../platform/kubernetes/backoff.js';
import type { StartKind } from '../counters/function-counters.js';
import { endpointId, type Endpoint } from '../routing/endpoint-slice.policy.js';
import type { FunctionRoute } from '../routing/function-route.js';
import { probeHealth } from '../upstream/health-probe.js';
import type { WakeMark } from './wake-mark.js';
import { WakeState } from './wake-state.js';

export interface WakeDeskOptions {
  /** The short way to a warm pod. */
  waker?: Waker | undefined;
  /** The sure way to any pod. */
  mark?: WakeMark | undefined;
  /** Whether pods are reached at their own addresses, where they can be probed. */
  isDirect: () => boolean;
  /** See `GatewayLimits.earlyPodMs`. */
  earlyPodMs: number;
  /** A function that had no pod when a request came has sent it to one. */
  onStarted: (route: FunctionRoute, start: StartKind, ms: number) => void;
  log: Logger;
}

/** How often pods that start are asked whether they answer yet. */
const LOOK_MS = 20;
const PROBE_TIMEOUT_MS = 1000;
const MOST_PROBES_PER_FUNCTION = 8;
const MOST_PROBES = 256;
const WAKE_TIMEOUT_MS = 10_000;
/** A pod that was brought and could not be reached is replaced no sooner. */
const WAKE_SPACING_MS = 250;
const WAKE_AGAIN = { baseMs: 500, maxMs: 5000 };
const MARK_SPACING_MS = 1000;
const MARK_AGAIN = { baseMs: 2000, maxMs: 10_000 };
/** A mark that the resource shows and nobody has followed is written anew after this time. */
const MARK_STALE_MS = 10_000;
/** One line a minute about marks that cannot be written. */
const COMPLAIN_MS = 60_000;

/**
 * Brings pods to functions that somebody waits for: asks the waker, once at a time for each function; marks the resource,
 * once a second at most; and probes pods that start, so that they are used as soon as they answer. Works while requests
 * wait and costs nothing otherwise.
 */
export class WakeDesk {
  private readonly wanted = new Set<FunctionRoute>();
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private probes = 0;
  private complainAfter = 0;

  constructor(private readonly options: WakeDeskOptions) {}

  /** Whether there is any way to bring a pod where there is none: requests wait longer then. */
  get canWake(): boolean {
    return this.options.waker !== undefined || this.options.mark !== undefined;
  }

  /** Somebody waits for a pod of the function. */
  want(route: FunctionRoute): void {
    if (this.wanted.has(route) || this.stopping.signal.aborted) return;
    this.wanted.add(route);
    this.look(route, performance.now());
    this.timer ??= setInterval(() => this.lookAtAll(), LOOK_MS).unref();
  }

  /** A function that is about to stop has a request and a pod that still takes it. */
  keepAwake(route: FunctionRoute, nowMs: number): void {
    this.mark(route, (route.wakeState ??= new WakeState()), nowMs);
  }

  /** A request has got a pod. */
  noteServed(route: FunctionRoute, nowMs: number): void {
    const state = route.wakeState;
    if (state === undefined || state.coldSince === 0) return;
    this.options.onStarted(route, state.warm ? 'warm' : 'plain', nowMs - state.coldSince);
    state.coldSince = 0;
  }

  stop(): void {
    clearInterval(this.timer);
    this.stopping.abort();
    this.wanted.clear();
  }

  private lookAtAll(): void {
    const now = performance.now();
    for (const route of this.wanted) {
      if (route.load.waiting > 0 && !route.retired) this.look(route, now);
      else {
        this.wanted.delete(route);
        // Nobody waits any more: who comes next begins anew.
        if (route.wakeState) route.wakeState.coldSince = 0;
      }
    }
    if (this.wanted.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(route: FunctionRoute, nowMs: number): void {
    const state = (route.wakeState ??= new WakeState());
    if (route.suspension !== 'none') return;
    if (route.hasUpstreams) {
      state.misses = 0;
      state.marks = 0;
    } else {
      if (state.coldSince === 0) beginColdStart(state, nowMs);
      this.wake(route, state, nowMs);
      this.mark(route, state, nowMs);
    }
    if (this.options.isDirect()) this.probe(route, state);
  }

  private wake(route: FunctionRoute, state: WakeState, nowMs: number): void {
    const { waker } = this.options;
    if (!waker || state.waking || nowMs < state.wakeAfter) return;
    state.waking = true;
    const { namespace, functionName: name, functionId } = route;
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(WAKE_TIMEOUT_MS)]);
    abortable(waker.wake({ namespace, name, functionId }, signal), signal).then(
      (answer) => this.take(route, state, answer),
      (error: unknown) => {
        if (!this.stopping.signal.aborted) this.options.log.warn({ err: error, function: route.key }, 'a function could not be woken the short way; its pods come by its endpoints');
        this.take(route, state, undefined);
      },
    );
  }

  private take(route: FunctionRoute, state: WakeState, answer: WakeAnswer | undefined): void {
    const now = performance.now();
    state.waking = false;
    state.misses = answer ? 0 : state.misses + 1;
    state.wakeAfter = now + (answer ? WAKE_SPACING_MS : backoffMs(state.misses, WAKE_AGAIN));
    if (!answer) return;
    state.warm = true;
    const { pod, address, port, revision } = answer;
    route.addEarly({ pod, address, port: port || FUNCTION_PORT, podUid: '', revision, ready: true }, this.options.earlyPodMs, false);
  }

  private mark(route: FunctionRoute, state: WakeState, nowMs: number): void {
    const { mark } = this.options;
    const now = Date.now();
    if (!mark || state.marking || nowMs < state.markAfter || isMarked(route, now)) return;
    state.marking = true;
    state.markAfter = nowMs + Math.max(MARK_SPACING_MS, backoffMs(++state.marks, MARK_AGAIN));
    // Clocks differ: what counts is that it is later than the function's last change.
    mark.write(route.namespace, route.functionName, Math.max(now, route.activeSince + 1)).catch((error: unknown) => this.complain(route, error)).finally(() => {
      state.marking = false;
    });
  }

  private complain(route: FunctionRoute, error: unknown): void {
    const now = performance.now();
    if (now < this.complainAfter || this.stopping.signal.aborted) return;
    this.complainAfter = now + COMPLAIN_MS;
    this.options.log.warn({ err: error, function: route.key }, 'a wake could not be written on the function; the gateway needs the right to patch functions');
  }

  private probe(route: FunctionRoute, state: WakeState): void {
    for (const endpoint of route.unready()) {
      if (state.probing.size >= MOST_PROBES_PER_FUNCTION || this.probes >= MOST_PROBES) return;
      if (!state.probing.has(endpointId(endpoint))) this.probeOne(route, state, endpoint);
    }
  }

  private probeOne(route: FunctionRoute, state: WakeState, endpoint: Endpoint): void {
    const id = endpointId(endpoint);
    state.probing.add(id);
    this.probes++;
    void probeHealth(endpoint, PROBE_TIMEOUT_MS).then((status) => {
      state.probing.delete(id);
      this.probes--;
      if (status === 200) route.addEarly(endpoint, this.options.earlyPodMs, true);
    });
  }
}

/** A warm pod may have come after the last start had ended: it is none of this one's. */
function beginColdStart(state: WakeState, nowMs: number): void {
  state.coldSince = nowMs;
  state.warm = false;
}

/** Whether the resource shows a mark that whoever scales the function will follow. */
function isMarked({ active, activeSince, wakeAskedAt }: FunctionRoute, now: number): boolean {
  return !active && wakeAskedAt > activeSince && now - wakeAskedAt < MARK_STALE_MS;
}
