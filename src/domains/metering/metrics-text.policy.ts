import { METRIC, type UsageTotals } from '../../contract/runtime.js';

/** What the meter needs of a pod's `/metrics`. */
export interface ScrapedTotals {
  instance: string;
  totals: UsageTotals;
}

const INSTANCE = new RegExp(`^${METRIC.instance}\\{[^}]*instance="([0-9A-Za-z-]{8,64})"[^}]*\\} 1(?:\\.0)?$`);
const FIELDS: Record<string, keyof UsageTotals> = {
  [METRIC.invocations]: 'invocations',
  [METRIC.billedMs]: 'billedMs',
  [METRIC.requestBytes]: 'requestBytes',
  [METRIC.responseBytes]: 'responseBytes',
};
const LINE = /^([a-z_]+)(?:\{[^}]*\})? (\d{1,15})(?:\.0)?$/;

/**
 * Reads Prometheus text. Series of one name are added up (a runtime may split them by label). Null when the text does
 * not name its process life or a value is not a whole number: what cannot be trusted is not billed.
 */
export function parseTotals(text: string): ScrapedTotals | null {
  const totals: UsageTotals = { invocations: 0, billedMs: 0, requestBytes: 0, responseBytes: 0 };
  let instance: string | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line === '') continue;
    const life = INSTANCE.exec(line);
    if (life) {
      instance = life[1];
      continue;
    }
    const name = line.slice(0, /[{ ]/.exec(line)?.index ?? 0);
    const field = FIELDS[name];
    if (!field) continue;
    const value = LINE.exec(line)?.[2];
    if (value === undefined) return null;
    totals[field] += Number(value);
  }
  return instance === undefined ? null : { instance, totals };
}
