/** A metric as it is documented. */
export interface DocumentedMetric {
  name: string;
  type: string;
  /** Sorted. */
  labels: string[];
  help: string;
}

/** Node's and the process's own, by prom-client: named in the README as a whole. */
const DEFAULTS = /^fnplane_(process|nodejs)_/;
/** Made by Prometheus' formats, not by us. */
const FORMAT_LABELS = new Set(['le', 'quantile']);

export function isDefault(name: string): boolean {
  return DEFAULTS.test(name);
}

const HEAD = '| metric | type | labels | |\n|---|---|---|---|\n';
const ROW = /^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| (.*) \|$/;

/** The README's table. */
export function renderTable(metrics: readonly DocumentedMetric[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |\n`);
  return HEAD + rows.join('');
}

export function parseTable(markdown: string): DocumentedMetric[] {
  return markdown.split('\n').flatMap((line) => {
    const [, name, type, labels, help] = ROW.exec(line) ?? [];
    return name ? [{ name, type: type!, labels: [...labels!.matchAll(/`([a-z_]+)`/g)].map(([, label]) => label!), help: help! }] : [];
  });
}

/** What a process serves: names with their types, and the labels that their samples bear (none of what has no sample). */
export function parseExposition(text: string): Map<string, { type: string; labels: Set<string>[] }> {
  const served = new Map<string, { type: string; labels: Set<string>[] }>();
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name) served.set(name, { type: type!, labels: [] });
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? \S+$/.exec(line);
    if (line.startsWith('#') || !sample) continue;
    const metric = served.get(sample[1]!) ?? served.get(sample[1]!.replace(/_(bucket|sum|count)$/, ''));
    metric?.labels.push(new Set([...(sample[2] ?? '').matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)].map(([, label]) => label!).filter((label) => !FORMAT_LABELS.has(label))));
  }
  return served;
}
