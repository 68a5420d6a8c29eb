import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'dashboards');

export interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: { type: string; uid: string };
  targets?: { refId: string; expr: string }[];
}

export interface Dashboard {
  uid: string;
  title: string;
  templating: { list: { name: string; type: string; query: unknown }[] };
  panels: Panel[];
}

export function readDashboards(): Dashboard[] {
  return readdirSync(FOLDER).sort().map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard);
}

/** A query as Grafana sends it. @param values of the dashboard's variables, and the window of rates as `__rate_interval` */
export function filled(expr: string, values: Record<string, string>): string {
  return expr.replace(/\$(\w+)/g, (_, name: string) => values[name] ?? `$${name}`);
}
