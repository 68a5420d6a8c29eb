import { writeFileSync } from 'node:fs';

/** One thing the demo did, as `--json` writes it. */
export interface RecordedStep {
  name: string;
  seconds: number;
  /** What it showed, in a form that programs read. */
  result?: unknown;
}

/** Says what happens, keeps what happened. */
export class Recorder {
  readonly steps: RecordedStep[] = [];

  heading(text: string): void {
    process.stdout.write(`\n${text}\n`);
  }

  line(text: string): void {
    process.stdout.write(`    ${text.replaceAll('\n', '\n    ')}\n`);
  }

  async step<T>(name: string, work: () => Promise<T>, show?: (result: T) => { text?: string; result?: unknown }): Promise<T> {
    const start = performance.now();
    try {
      const result = await work();
      const seconds = round((performance.now() - start) / 1000);
      process.stdout.write(`  ✓ ${name} (${seconds} s)\n`);
      const shown = show?.(result);
      if (shown?.text) this.line(shown.text);
      this.steps.push({ name, seconds, ...(shown?.result === undefined ? {} : { result: shown.result }) });
      return result;
    } catch (error) {
      process.stdout.write(`  ✗ ${name}\n`);
      throw error;
    }
  }

  write(file: string, totals: Record<string, number | string>): void {
    writeFileSync(file, `${JSON.stringify({ steps: this.steps, totals }, null, 2)}\n`);
  }
}

export function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
