import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filled, readDashboards } from '../../deploy/monitoring/dashboards.ts';
import { isDefault, parseExposition, parseTable } from '../../deploy/monitoring/metrics-table.ts';
import { hastened, readRules } from '../../deploy/monitoring/rules.ts';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { sharedPlatform, type TestPlatform } from '../support/platform.js';
import { Prometheus, type Alert } from '../support/prometheus.js';
import { deploy, python } from '../support/tenant-functions.js';

/** Fails when it is told to. */
const FLAKY = `def handle(event, context):
    if "fail" in event["query"]:
        raise ValueError("told to")
    return {}
`;

/** Minutes as seconds, on a busy machine: enough for several scrapes. */
const WINDOW_SECONDS = 10;
const FOR_SECONDS = 3;
const EVERY_MS = 200;
const WITHIN_MS = 60_000;

/** Queries that have no answer where nothing of the kind has happened: no pool, no spend limit, no start from zero, no failure. */
const MAY_BE_EMPTY = /fnplane_pool_|fnplane_tenant_spend_ratio|fnplane_gateway_cold_starts_total|fnplane_kubernetes_requests_total\{code!~/;

describe('what operators see', () => {
  let platform: TestPlatform;
  let prometheus: Prometheus;
  const tenant = randomName('seen');
  let failing = false;
  const traffic = new AbortController();
  let sending: Promise<void>;

  beforeAll(async () => {
    platform = await sharedPlatform();
    await platform.tenant(tenant);
    [prometheus] = await Promise.all([
      Prometheus.start([platform.management], hastened(readRules(), WINDOW_SECONDS, FOR_SECONDS)),
      deploy(platform, tenant, python('flaky', FLAKY, { authentication: 'none' })),
    ]);
    sending = send();
  });
  afterAll(async () => {
    traffic.abort();
    await sending;
    await prometheus?.stop();
    await platform?.stop();
  });

  const call = (path: string): Promise<unknown> => fetch(`${platform.gateway}/${tenant}/${path}`, { method: 'POST', signal: AbortSignal.timeout(10_000) }).then((answer) => answer.arrayBuffer(), () => undefined);

  /** A caller at a steady pace, who asks each time for what is not there, too. */
  async function send(): Promise<void> {
    while (!traffic.signal.aborted) {
      await Promise.all([call(`flaky${failing ? '?fail' : ''}`), call('missing')]);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  async function highErrorRate(): Promise<Alert | undefined> {
    return (await prometheus.alerts()).find(({ labels }) => labels.alertname === 'HighErrorRate' && labels.tenant === tenant);
  }

  it('is what the table of metrics says, in names, types and labels', async () => {
    const documented = new Map(parseTable(readFileSync('deploy/monitoring/README.md', 'utf8')).map((metric) => [metric.name, metric]));
    const served = parseExposition(await (await fetch(`${platform.management}/metrics`)).text());
    expect([...served.keys()].filter((name) => !isDefault(name)).sort()).toEqual([...documented.keys()].sort());
    for (const [name, { type, labels }] of [...served].filter(([one]) => !isDefault(one))) {
      expect([name, type]).toEqual([name, documented.get(name)!.type]);
      for (const set of labels) expect([name, ...[...set].sort()]).toEqual([name, ...documented.get(name)!.labels]);
    }
  });

  it('is calm while a function works: every rule can be evaluated, and this one\'s alert is not there', async () => {
    await eventually(async () => expect(Number((await prometheus.query(`sum(rate(fnplane_gateway_requests_total{tenant="${tenant}",code_class="2xx"}[${WINDOW_SECONDS}s]))`))[0]?.value[1])).toBeGreaterThan(0), { withinMs: WITHIN_MS });
    const rules = readRules().groups.flatMap((group) => group.rules).map(({ alert }) => `${alert}: ok`);
    await eventually(async () => expect((await prometheus.rules()).map(({ name, health }) => `${name}: ${health}`).sort()).toEqual(rules.sort()), { withinMs: WITHIN_MS });
    expect(await highErrorRate()).toBeUndefined();
  });

  it('is an alert once the function fails, by name', async () => {
    failing = true;
    await eventually(async () => expect(await highErrorRate()).toMatchObject({ state: 'pending' }), { withinMs: WITHIN_MS, everyMs: 200 });
    await eventually(async () => expect(await highErrorRate()).toMatchObject({
      state: 'firing', labels: { severity: 'critical', function: 'flaky' }, annotations: { summary: `Function flaky of tenant ${tenant} fails`, runbook: 'deploy/monitoring/README.md#higherrorrate' },
    }), { withinMs: WITHIN_MS });
  });

  it.each(readDashboards().map((dashboard) => [dashboard.title, dashboard] as const))('is on the dashboard "%s": each query has an answer', async (_, { panels }) => {
    const values = { tenant, function: 'flaky', __rate_interval: `${WINDOW_SECONDS}s` };
    const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    expect(queries.length).toBeGreaterThan(5);
    const empty: string[] = [];
    for (const { title, expr } of queries) {
      const answer = await prometheus.query(filled(expr, values));
      if (answer.length === 0 && !MAY_BE_EMPTY.test(expr)) empty.push(`${title}: ${expr}`);
    }
    expect(empty).toEqual([]);
  });

  it('is what the tenant sees of it, too: answers, errors, durations, pods', async () => {
    const seen = await eventually(async () => {
      const { status, body } = await platform.operator.get(`/v1/tenants/${tenant}/functions/flaky/metrics`);
      expect(status).toBe(200);
      const points = (body.points as { requests: number; serverErrors: number; pods: number; durationMs: { p95: number | null } }[]).filter(({ requests }) => requests > 0);
      const sum = (of: 'requests' | 'serverErrors'): number => points.reduce((total, point) => total + point[of], 0);
      expect([sum('serverErrors') > 0, sum('requests') > sum('serverErrors')]).toEqual([true, true]);
      return points;
    }, { withinMs: WITHIN_MS });
    expect(seen[0]).toMatchObject({ pods: expect.any(Number) as number, durationMs: { p95: expect.any(Number) as number } });
    const { body } = await platform.operator.graphql('query($t: String!) { tenantMetrics(tenant: $t) { points { requests pods } } }', { t: tenant });
    expect((body.data.tenantMetrics.points as { requests: number }[]).reduce((total, { requests }) => total + requests, 0)).toBeGreaterThan(0);
  });

  it('is calm again once the function works', async () => {
    failing = false;
    await eventually(async () => expect(await highErrorRate()).toBeUndefined(), { withinMs: WITHIN_MS });
  });
});
