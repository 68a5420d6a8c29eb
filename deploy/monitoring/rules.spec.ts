import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { prometheusRuleYaml } from '../../src/generate/prometheus-rule.js';
import { parseTable } from './metrics-table.ts';
import { PROMETHEUS_RULE, readRules, RULES } from './rules.ts';

const run = promisify(execFile);
const TESTS = join(import.meta.dirname, 'rules/tests');
const README = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');

/** The text of what failed, and not only that something did. */
async function promtool(...args: string[]): Promise<string> {
  return run('promtool', args, { timeout: 25_000 }).then(({ stdout }) => stdout, (error: { stdout?: string; stderr?: string; message: string }) => Promise.reject(new Error(`${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`)));
}

const alerts = readRules().groups.flatMap(({ rules }) => rules);

describe('the alert rules', () => {
  it('are such as Prometheus loads', async () => {
    expect(await promtool('check', 'rules', RULES)).toContain(`SUCCESS: ${alerts.length} rules found`);
  });

  it.each(readdirSync(TESTS))('fire, and do not fire just below: %s', async (file) => {
    expect(await promtool('test', 'rules', join(TESTS, file))).toContain('SUCCESS');
  });

  it.each(alerts.map(({ alert }) => alert))('%s is tested both ways, and has a runbook', (alert) => {
    const tested = readdirSync(TESTS).flatMap((file) => (parse(readFileSync(join(TESTS, file), 'utf8')) as { tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] }).tests)
      .flatMap((test) => test.alert_rule_test).filter(({ alertname }) => alertname === alert);
    expect(tested.some(({ exp_alerts: fired }) => fired.length > 0)).toBe(true);
    expect(tested.some(({ exp_alerts: fired }) => fired.length === 0)).toBe(true);
    expect(README).toMatch(new RegExp(`^### ${alert}$`, 'm'));
  });

  it('read metrics that there are, and are labelled and described', () => {
    const metrics = new Set(parseTable(README).map(({ name }) => name));
    for (const { alert, expr, labels, annotations } of alerts) {
      for (const [name] of expr.matchAll(/fnplane_[a-z_]+/g)) expect([alert, metrics.has(name.replace(/_(bucket|count|sum)$/, ''))]).toEqual([alert, true]);
      expect(labels.severity).toMatch(/^(critical|warning)$/);
      expect(Object.keys(annotations).sort()).toEqual(['description', 'runbook', 'summary']);
      expect(annotations.runbook).toBe(`deploy/monitoring/README.md#${alert.toLowerCase()}`);
    }
  });

  it('HighErrorRate is as asked for: more than a tenth of a minute\'s answers 5xx, for five minutes, critical', () => {
    expect(alerts.find(({ alert }) => alert === 'HighErrorRate')).toMatchObject({ for: '5m', labels: { severity: 'critical' }, expr: expect.stringMatching(/code_class="5xx"\}\[1m\][^]*\[1m\]\)\) > 0\.1\s*$/) as string });
  });

  it('are the same as a PrometheusRule', () => {
    const text = readFileSync(PROMETHEUS_RULE, 'utf8');
    expect(text).toBe(prometheusRuleYaml(readFileSync(RULES, 'utf8')));
    expect(parseAllDocuments(text).map((document) => document.toJS() as unknown)).toMatchObject([{ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', spec: readRules() }]);
  });
});
