export interface Bound {
  op: '<=' | '>=';
  value: number;
}

/** One figure, in the form that machines read. */
export interface Result {
  name: string;
  figure: number;
  unit: string;
  /** What the figure is a ratio to or a difference from; null for what stands by itself. */
  relativeTo: string | null;
  /** Null for what is told but not judged. */
  bound: Bound | null;
  pass: boolean;
}

/** What one benchmark found: its figures, the share of CPU time that neighbours took meanwhile, and where the time goes. */
export interface Findings {
  results: Result[];
  steal: number;
  notes: string[];
}

export interface ResultInput {
  name: string;
  figure: number;
  unit: string;
  relativeTo?: string;
  bound?: Bound;
}

export function buildResult({ name, figure, unit, relativeTo, bound }: ResultInput): Result {
  const pass = !bound || (bound.op === '>=' ? figure >= bound.value : figure <= bound.value);
  return { name, figure: Number(figure.toPrecision(4)), unit, relativeTo: relativeTo ?? null, bound: bound ?? null, pass };
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median of the quotients round by round: what slows a whole round down cancels out. */
export function medianRatio(figures: readonly number[], references: readonly number[]): number {
  return median(figures.map((figure, round) => figure / references[round]!));
}

/** Smallest, middle and largest, for people. */
export function spread(values: readonly number[], unit: string): string {
  const show = (value: number): string => String(Number(value.toPrecision(3)));
  return `${show(median(values))} ${unit} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
}

export function formatTable(findings: readonly Findings[]): string {
  const lines = [['figure', '', '', 'bound', '', 'steal'].map((text, column) => text.padEnd(WIDTHS[column]!)).join(' ')];
  for (const { results, steal, notes } of findings) {
    for (const { name, figure, unit, bound, pass } of results) {
      const cells = [name, String(figure).padStart(9), unit, bound ? `${bound.op} ${bound.value}` : '', bound ? (pass ? 'ok' : 'MISSED') : '', `${(steal * 100).toFixed(1)} %`];
      lines.push(cells.map((text, column) => text.padEnd(WIDTHS[column]!)).join(' ').trimEnd());
    }
    for (const note of notes) lines.push(`    ${note}`);
  }
  return lines.join('\n');
}

const WIDTHS = [44, 9, 6, 8, 6, 7];
