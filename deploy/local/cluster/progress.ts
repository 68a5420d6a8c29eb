/** Says on standard error what is under way. A terminal sees one line that moves on, a log a line now and then. */
export interface Step {
  readonly name: string;
  readonly ms: number;
}

const FRAME_MS = { terminal: 500, log: 30_000 };

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

/** Says what happens and how long it took. */
export class Progress {
  readonly steps: Step[] = [];
  readonly #quiet: boolean;

  constructor(quiet = false) {
    this.#quiet = quiet;
  }

  say(text: string): void {
    if (!this.#quiet) process.stderr.write(`${text}\n`);
  }

  /** Runs a step, telling the time it takes; a step with `expectedMs` shows how far it should be. */
  async step<T>(name: string, work: () => Promise<T>, expectedMs?: number): Promise<T> {
    const start = performance.now();
    const line = () => `  ${name}: ${seconds(performance.now() - start)}${expectedMs ? ` of about ${seconds(expectedMs)}` : ''}`;
    const terminal = process.stderr.isTTY;
    const timer = expectedMs && !this.#quiet ? setInterval(() => process.stderr.write(terminal ? `\r${line()}\x1b[K` : `${line()}\n`), terminal ? FRAME_MS.terminal : FRAME_MS.log) : undefined;
    try {
      const answer = await work();
      const ms = Math.round(performance.now() - start);
      this.steps.push({ name, ms });
      if (timer && terminal) process.stderr.write('\r\x1b[K');
      this.say(`  ${name}: ${seconds(ms)}`);
      return answer;
    } finally {
      clearInterval(timer);
    }
  }

  timings(): Record<string, number> {
    return Object.fromEntries(this.steps.map(({ name, ms }) => [name, ms]));
  }
}
