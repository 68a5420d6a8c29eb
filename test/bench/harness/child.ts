import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../../deploy/local/node-flags.ts';

/** Longest a child may take to say where it listens. */
const START_WITHIN_MS = 30_000;

/**
 * A script of the benchmarks in a process of its own. It says `{ port }` once it is there, answers messages one by one, and
 * ends when its parent goes. Its Node runs as the platform's does, so that no side of a comparison has another heap.
 */
export class Child {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#process = child;
    this.port = port;
  }

  /**
   * @param settings given to the script as JSON in its first argument
   * @param log file that what it writes is added to; our own standard error where there is none
   */
  static async start(script: URL, settings: unknown = {}, log?: string): Promise<Child> {
    const output = log === undefined ? 2 : openSync(log, 'a');
    const child = fork(fileURLToPath(script), [JSON.stringify(settings)], { execArgv: [...NODE_FLAGS, '--disable-warning=ExperimentalWarning'], stdio: ['ignore', output, output, 'ipc'] });
    if (log !== undefined) closeSync(output);
    const port = await new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${script.pathname} did not start`)), START_WITHIN_MS);
      child.once('message', (sent) => {
        clearTimeout(late);
        resolve((sent as { port: number }).port);
      });
      child.once('exit', (code) => reject(new Error(`${script.pathname} ended with ${code}`)));
    }).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    return new Child(child, port);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** One message and its answer; one at a time. */
  ask<Answer>(message: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('the process ended'));
      this.#process.once('exit', ended);
      this.#process.once('message', (answer) => {
        this.#process.off('exit', ended);
        const { error } = answer as { error?: string };
        if (error === undefined) resolve(answer as Answer);
        else reject(new Error(error));
      });
      this.#process.send(message);
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      this.#process.once('exit', () => resolve());
      this.#process.disconnect();
    });
  }
}

/** For the script in the child: what it was started with. */
export function childSettings<Settings>(): Settings {
  return JSON.parse(process.argv[2] ?? '{}') as Settings;
}

/** For the script in the child: it is there. */
export function childReady(port: number): void {
  process.on('disconnect', () => process.exit(0));
  process.send!({ port });
}
