import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import { Child } from './child.ts';
import { cpuMs } from './machine.ts';
import { median } from './result.ts';

const TURN = { connections: 16, requests: 20_000, seconds: 0.4 };
/** Samples of each side in a round. */
const TURNS = 3;
const WARM_UP_ROUNDS = 2;

/** What the load generator shall do: as many requests as it can, until one of the two bounds. */
export interface LoadOrder {
  host: string;
  port: number;
  /** A whole HTTP/1.1 request, sent as it is. */
  message: string;
  connections: number;
  requests: number;
  seconds: number;
}

export interface LoadReport {
  requests: number;
  seconds: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

export interface Sample extends LoadReport {
  perSecond: number;
  /** CPU time of the process under load for one request, in microseconds. */
  cpuMicros: number;
}

export interface Target {
  host: string;
  port: number;
  message: string;
  /** Process whose CPU time is counted; none for what runs elsewhere. */
  pid?: number;
}

/** The load generator, in a process of its own. */
export class LoadGenerator {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(): Promise<LoadGenerator> {
    return new LoadGenerator(await Child.start(new URL('load-process.ts', import.meta.url)));
  }

  async run(target: Target, bounds: Pick<LoadOrder, 'connections' | 'requests' | 'seconds'>): Promise<Sample> {
    const { pid, ...where } = target;
    const before = pid === undefined ? 0 : cpuMs(pid);
    const report = await this.#child.ask<LoadReport>({ ...where, ...bounds });
    const used = pid === undefined ? 0 : cpuMs(pid) - before;
    return { ...report, perSecond: report.requests / report.seconds, cpuMicros: (used * 1000) / report.requests };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

/** Several short samples of one round as one: they are taken turn about, so that what disturbs a moment meets every side. */
export function combined(samples: readonly Sample[]): Sample {
  const sum = (pick: (sample: Sample) => number): number => samples.reduce((total, sample) => total + pick(sample), 0);
  const [requests, seconds] = [sum((sample) => sample.requests), sum((sample) => sample.seconds)];
  return {
    requests, seconds, perSecond: requests / seconds, cpuMicros: sum((sample) => sample.cpuMicros * sample.requests) / requests,
    p50: median(samples.map(({ p50 }) => p50)), p99: median(samples.map(({ p99 }) => p99)),
  };
}

/**
 * A sample of each side for each round, the sides taking turns within it.
 * @throws when `signal` is aborted
 */
export async function sampleInTurns<Side extends string>(load: LoadGenerator, targets: Record<Side, Target>, { rounds, progress, signal }: { rounds: number; progress: Progress; signal: AbortSignal }): Promise<Record<Side, Sample[]>> {
  const sides = Object.keys(targets) as Side[];
  const none = (): Record<Side, Sample[]> => Object.fromEntries(sides.map((side) => [side, []])) as unknown as Record<Side, Sample[]>;
  const samples = none();
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    signal.throwIfAborted();
    const seen = none();
    for (let i = 0; i < sides.length * TURNS; i++) {
      const side = sides[(round + WARM_UP_ROUNDS + i) % sides.length]!;
      seen[side].push(await load.run(targets[side], TURN));
    }
    if (round < 0) continue;
    for (const side of sides) samples[side].push(combined(seen[side]));
    progress.say(`  round ${round + 1}: ${sides.map((side) => `${side} ${Math.round(samples[side].at(-1)!.perSecond)}/s`).join(', ')}`);
  }
  return samples;
}

export function httpMessage(method: string, path: string, headers: Record<string, string>, body?: string): string {
  const all = { host: 'benchmark.test', accept: '*/*', ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }) };
  return `${method} ${path} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body ?? ''}`;
}
