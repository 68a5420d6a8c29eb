import { Injectable } from '@nestjs/common';
import { noRequests, type RequestTotals } from '../../contract/request-totals.js';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import { systemContext } from '../../platform/context/context.js';
import { counterOf, isNothing, pointsOf, stepOf, type MetricReading } from './metric-points.policy.js';
import { MetricWritingRepository } from './store/metric-writing.repository.js';

const BATCH = 500;
const REMEMBERED = 50_000;
/** A cursor that is not moved for days is removed: well before, the same totals move it again. */
const REMEMBERED_MS = 3_600_000;
const MINUTE_MS = 60_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What one pod does at the moment. */
export interface PodLoad {
  cluster: string;
  tenantId: string;
  functionId: string;
  inFlight: number;
}

interface Gauges extends PodLoad {
  pods: number;
}

/** Adds readings to the time series: each step of a counter once, whoever reads it. */
@Injectable()
export class MetricsBooking {
  private readonly context = systemContext('meter');
  /** Forgetting is harmless: the cursor in Postgres decides. */
  private readonly booked = new BoundedCache<string, RequestTotals>(REMEMBERED, REMEMBERED_MS);
  private readonly shown = new BoundedCache<string, { minute: number; inFlight: number; pods: number }>(REMEMBERED, REMEMBERED_MS);

  constructor(private readonly writing: MetricWritingRepository) {}

  /** Throws when Postgres is out of reach; the next readings include what was not added. */
  async book(readings: readonly MetricReading[]): Promise<void> {
    const news = new Map<string, MetricReading>();
    for (const reading of readings.filter(isKnowable)) {
      const key = counterOf(reading);
      const before = this.booked.get(key);
      if (before ? !isNothing(stepOf(before, reading.totals)) : !isNothing(reading.totals)) news.set(key, reading);
    }
    const list = [...news];
    for (let start = 0; start < list.length; start += BATCH) {
      const batch = list.slice(start, start + BATCH);
      await this.writing.advance(this.context, batch.map(([, reading]) => reading));
      for (const [key, reading] of batch) this.booked.set(key, reading.totals);
    }
  }

  /** Notes how many pods functions have and how busy they are, of all pods that this meter read at once: where that is more than the present minute has seen. */
  async show(loads: readonly PodLoad[], at: Date): Promise<void> {
    const minute = Math.floor(at.getTime() / MINUTE_MS);
    const risen = [...gather(loads.filter(isKnowable))].filter(([key, { inFlight, pods }]) => {
      const before = this.shown.get(key);
      return before?.minute !== minute || inFlight > before.inFlight || pods > before.pods;
    });
    for (let start = 0; start < risen.length; start += BATCH) {
      const batch = risen.slice(start, start + BATCH);
      await this.writing.add(this.context, pointsOf(batch.map(([, gauges]) => ({ ...gauges, at, added: noRequests() }))));
      for (const [key, gauges] of batch) this.shown.set(key, { minute, inFlight: this.most(key, minute, 'inFlight', gauges), pods: this.most(key, minute, 'pods', gauges) });
    }
  }

  private most(key: string, minute: number, field: 'inFlight' | 'pods', gauges: Gauges): number {
    const before = this.shown.get(key);
    return before?.minute === minute ? Math.max(before[field], gauges[field]) : gauges[field];
  }
}

/** What bears other ids was not made by the platform, and would keep all that is written with it from being written. */
function isKnowable({ tenantId, functionId }: { tenantId: string; functionId: string }): boolean {
  return UUID.test(tenantId) && UUID.test(functionId);
}

function gather(loads: readonly PodLoad[]): Map<string, Gauges> {
  const functions = new Map<string, Gauges>();
  for (const load of loads) {
    const key = `${load.cluster}/${load.functionId}`;
    const known = functions.get(key);
    functions.set(key, known ? { ...known, inFlight: known.inFlight + load.inFlight, pods: known.pods + 1 } : { ...load, pods: 1 });
  }
  return functions;
}
