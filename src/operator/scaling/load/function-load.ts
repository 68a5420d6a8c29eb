import type { FunctionLoad } from '../../../contract/load-report.js';
import type { FunctionLoadView, PodLoad } from '../load-view.js';
import type { ReportedPodLoad } from './pod-load.policy.js';
import { SampleWindow } from './sample-window.js';

/** Heard within this time a source is up to date. */
export const FRESH_MS = 10_000;

/** A function's pods as they stand. */
export interface PodRoster {
  /** Ready pods that count for themselves, by key. */
  scraped: readonly string[];
  /** Ready pods whose requests only gateways see. */
  unscraped: readonly string[];
}

/** What has been seen of one function: bounded by its pods and the gateways. */
export class FunctionLoadRecord {
  private readonly pods = new Map<string, SampleWindow>();
  private readonly gateways = new Map<number, { window: SampleWindow; waiting: number }>();
  private roster: PodRoster = { scraped: [], unscraped: [] };
  private lastActiveAt: number;

  constructor(now: number) {
    this.lastActiveAt = now;
  }

  /** Forgets pods that went. */
  setRoster(roster: PodRoster): void {
    this.roster = roster;
    const kept = new Set(roster.scraped);
    for (const key of this.pods.keys()) if (!kept.has(key)) this.pods.delete(key);
  }

  addPod(key: string, { instance, requests, inFlight }: ReportedPodLoad, at: number): void {
    const window = this.pods.get(key) ?? new SampleWindow();
    this.pods.set(key, window);
    if (window.add({ at, instance, total: requests, inFlight })) this.lastActiveAt = at;
  }

  addGateway(source: number, instance: string, load: FunctionLoad, at: number): void {
    const entry = this.gateways.get(source) ?? { window: new SampleWindow(), waiting: 0 };
    this.gateways.set(source, entry);
    entry.waiting = load.waiting;
    const seen = entry.window.add({ at, instance, total: load.requests, inFlight: load.inFlight });
    // Its clock may be ahead of ours.
    this.lastActiveAt = Math.max(this.lastActiveAt, Math.min(at, seen || load.waiting > 0 ? at : load.lastActiveAt));
  }

  /** A gateway that does not know the function, or cannot be heard: what it said before holds no more. */
  forgetGateway(source: number): void {
    this.gateways.delete(source);
  }

  get waiting(): number {
    return [...this.gateways.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** @param gatewaysHeard whether every gateway there is was heard lately; undefined: no gateway is known */
  view(now: number, gatewaysHeard: boolean | undefined): FunctionLoadView {
    const { scraped, unscraped } = this.roster;
    const windows = [...(unscraped.length > 0 ? this.ofGateways() : []), ...this.pods.values()];
    const rates = windows.flatMap(({ perSecond }) => perSecond ?? []);
    const podsHeard = scraped.every((key) => now - (this.pods.get(key)?.at ?? 0) <= FRESH_MS);
    // Pods count whichever way a request came. Where none does, gateways alone know.
    const othersHeard = scraped.length > 0 && unscraped.length === 0 ? true : gatewaysHeard ?? unscraped.length === 0;
    return {
      lastActiveAt: this.lastActiveAt,
      perSecond: rates.length === 0 ? undefined : sum(rates),
      concurrency: sum(windows.map(({ concurrency }) => concurrency ?? 0)),
      waiting: this.waiting,
      complete: podsHeard && othersHeard,
    };
  }

  /** What a pod bears; where only gateways know, an equal part of what they give to the function. Undefined: not known lately. */
  pod(key: string, now: number): PodLoad | undefined {
    const own = this.pods.get(key);
    if (own) return now - own.at > FRESH_MS ? undefined : { perSecond: own.perSecond, concurrency: own.concurrency, at: own.at, windowSeconds: own.seconds };
    const { unscraped } = this.roster;
    const windows = this.ofGateways().filter(({ at }) => now - at <= FRESH_MS);
    if (!unscraped.includes(key) || windows.length === 0) return undefined;
    const part = (values: (number | undefined)[]): number | undefined => (values.every((value) => value === undefined) ? undefined : sum(values.map((value) => value ?? 0)) / unscraped.length);
    return {
      perSecond: part(windows.map(({ perSecond }) => perSecond)),
      concurrency: part(windows.map(({ concurrency }) => concurrency)),
      at: Math.max(...windows.map(({ at }) => at)),
      windowSeconds: Math.max(...windows.map(({ seconds }) => seconds)),
    };
  }

  private ofGateways(): SampleWindow[] {
    return [...this.gateways.values()].map(({ window }) => window);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
