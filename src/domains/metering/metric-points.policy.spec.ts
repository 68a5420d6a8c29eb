import { describe, expect, it } from 'vitest';
import { noRequests, type RequestTotals } from '../../contract/request-totals.js';
import { fromNumbers, furthest, pointsOf, stepOf, toNumbers, type MetricPoint } from './metric-points.policy.js';

const totals = (succeeded: number, more: Partial<RequestTotals> = {}): RequestTotals => ({ ...noRequests(), succeeded, ...more });

describe('steps of counters', () => {
  it('are what came since, and nothing of what shows less: that was read earlier and came late', () => {
    expect(stepOf(totals(5, { serverErrors: 2 }), totals(8, { serverErrors: 2, coldStarts: 1 }))).toEqual(totals(3, { coldStarts: 1 }));
    expect(stepOf(totals(8), totals(5))).toEqual(noRequests());
    expect(furthest(totals(8), totals(5, { clientErrors: 3 }))).toEqual(totals(8, { clientErrors: 3 }));
  });

  it('are stored in an order of their own', () => {
    const some = totals(1, { clientErrors: 2, serverErrors: 3, coldStarts: 4, durationMs: 5, durations: Array.from({ length: 13 }, (_, index) => index) });
    expect(fromNumbers(toNumbers(some))).toEqual(some);
  });
});

describe('points', () => {
  const figures = { tenantId: 't', functionId: 'f', cluster: 'c', inFlight: 0, pods: 0, added: totals(1) };
  const short = ({ resolution, at, cluster, added, inFlight, pods }: MetricPoint): string => `${resolution} ${at.toISOString().slice(11, 16)} ${cluster} ${added.succeeded} ${inFlight}/${pods}`;

  it('are one for each minute and one for each hour, whatever was read in them, in one order', () => {
    const points = pointsOf([
      { ...figures, at: new Date('2026-11-26T10:00:59.999Z'), inFlight: 3 },
      { ...figures, at: new Date('2026-11-26T10:01:00Z'), pods: 2 },
      { ...figures, at: new Date('2026-11-26T10:01:30Z'), inFlight: 1, pods: 1 },
      { ...figures, at: new Date('2026-11-26T11:00:00Z') },
      { ...figures, at: new Date('2026-11-26T10:01:30Z'), cluster: 'b' },
    ]);
    expect(points.map(short)).toEqual([
      '3600 10:00 b 1 0/0', '3600 10:00 c 3 3/2', '3600 11:00 c 1 0/0', '60 10:00 c 1 3/0', '60 10:01 b 1 0/0', '60 10:01 c 2 1/2', '60 11:00 c 1 0/0',
    ]);
  });
});
