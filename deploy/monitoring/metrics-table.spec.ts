import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry, type Metric } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { GatewayMetrics } from '../../src/gateway/counters/gateway-metrics.js';
import { registry } from '../../src/platform/observability/metrics.js';
// All of it: whatever a role counts is registered when its file is loaded, but for what a gateway counts.
import '../../src/platform-process.js';
import { isDefault, parseTable, renderTable, type DocumentedMetric } from './metrics-table.ts';

const README = join(import.meta.dirname, 'README.md');
const UNITS = /_(total|seconds|bytes|ratio|info)$/;

type Defined = Metric & { name: string; help: string; type: string; labelNames: readonly string[] };

function defined(): DocumentedMetric[] {
  const ofGateway = new Registry();
  new GatewayMetrics(1).register(ofGateway, { inFlight: () => 0, waiting: () => 0, functions: () => 0 });
  const all = [...registry.getMetricsAsArray(), ...ofGateway.getMetricsAsArray()] as unknown as Defined[];
  return all.filter(({ name }) => !isDefault(name)).map(({ name, type, labelNames, help }) => ({ name, type, labels: [...labelNames].sort(), help: help.replace(/\.$/, '') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

describe('the platform\'s metrics', () => {
  it('are those of the table in the README', () => {
    const text = readFileSync(README, 'utf8');
    // FNPLANE_GENERATE=1 npm test -- --project runtimes metrics-table
    if (process.env.FNPLANE_GENERATE) writeFileSync(README, text.replace(/(<!-- metrics -->\n)[^]*?(<!-- \/metrics -->)/, (_, before: string, after: string) => before + renderTable(defined()) + after));
    expect(parseTable(readFileSync(README, 'utf8'))).toEqual(defined());
  });

  it('are named by their unit', () => {
    for (const { name, type } of defined()) {
      expect(name).toMatch(/^fnplane_[a-z_]+$/);
      // A gauge may count things, which its name says then.
      if (type !== 'gauge') expect(name).toMatch(UNITS);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    }
  });

  it('have no label whose values callers choose or that could hold a secret', () => {
    const known = new Set(['tenant', 'function', 'code_class', 'code', 'start', 'cluster', 'source', 'outcome', 'queue', 'kind', 'runtime', 'state', 'step', 'use', 'verb', 'resource', 'cause', 'route', 'method', 'status', 'limit', 'result', 'reason']);
    for (const { name, labels } of defined()) expect([name, labels.filter((label) => !known.has(label))]).toEqual([name, []]);
  });
});
