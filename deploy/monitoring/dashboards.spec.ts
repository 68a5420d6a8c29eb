import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDashboards, type Panel } from './dashboards.ts';
import { isDefault, parseTable } from './metrics-table.ts';

const metrics = new Map(parseTable(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')).map((metric) => [metric.name, metric]));
const COLUMNS = 24;

function overlap(a: Panel, b: Panel): boolean {
  const [p, q] = [a.gridPos, b.gridPos];
  return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

describe.each(readDashboards().map((dashboard) => [dashboard.title, dashboard] as const))('the dashboard "%s"', (_, { templating, panels }) => {
  const queried = panels.filter(({ type }) => type !== 'row');

  it('asks the data source that was chosen, with no variable that it does not have', () => {
    const variables = new Set(templating.list.map(({ name }) => name));
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    for (const { title, datasource, targets } of queried) {
      expect([title, datasource]).toEqual([title, { type: 'prometheus', uid: '${datasource}' }]);
      for (const { expr } of targets!) for (const [, name] of expr.matchAll(/\$(\w+)/g)) expect([title, name === '__rate_interval' || variables.has(name!)]).toEqual([title, true]);
    }
  });

  it('reads metrics that there are, by labels that they have', () => {
    for (const { targets } of queried) {
      for (const { expr } of targets!) {
        for (const [, name, selector = ''] of expr.matchAll(/(fnplane_[a-z0-9_]+)(\{[^}]*\})?/g)) {
          if (isDefault(name!)) continue;
          const metric = metrics.get(name!) ?? metrics.get(name!.replace(/_(bucket|sum|count)$/, ''));
          expect([expr, metric?.name]).toEqual([expr, expect.any(String)]);
          for (const [, label] of selector.matchAll(/(\w+)(?:=|!|~)+"/g)) expect([expr, metric!.labels]).toEqual([expr, expect.arrayContaining([label])]);
        }
      }
    }
  });

  it('has a place for each panel, and a name of its own', () => {
    for (const [index, panel] of panels.entries()) {
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(COLUMNS);
      expect(panels.slice(index + 1).filter((other) => overlap(panel, other)).map(({ title }) => [panel.title, title])).toEqual([]);
    }
    for (const names of [panels.map(({ id }) => String(id)), queried.map(({ title }) => title)]) expect(names.length).toBe(new Set(names).size);
  });
});

it('dashboards are three, each with an id of its own', () => {
  expect(readDashboards().map(({ uid }) => uid)).toEqual(['fnplane-function', 'fnplane-platform', 'fnplane-tenant']);
});
