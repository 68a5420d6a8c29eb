import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { NODE_FLAGS } from '../../deploy/local/node-flags.ts';
import { eventually } from './eventually.js';

const MAIN = resolve('dist/src/main.js');
const READY_WITHIN_MS = 60_000;
const ENDS_WITHIN_MS = 40_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Addresses {
  api?: string;
  gateway?: string;
  management: string;
}

/** The compiled platform in a process of its own, as it runs in production: nothing of this process's environment reaches it unasked. */
export class RoleProcess {
  /** What it wrote so far, line by line; both outputs. */
  readonly lines: string[] = [];
  readonly ended: Promise<Exit>;
  private readonly child: ChildProcess;
  private addresses: Addresses | undefined;

  constructor(
    readonly name: string,
    environment: Record<string, string>,
  ) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} does not exist: start the tests through \`npm test\`, which compiles the sources`);
    const { PATH, HOME } = process.env;
    this.child = spawn(process.execPath, [...NODE_FLAGS, MAIN], {
      stdio: ['ignore', 'pipe', 'pipe'], env: { PATH, HOME, NODE_ENV: 'production', FNPLANE_MANAGEMENT_LISTEN: '127.0.0.1:0', ...environment },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) createInterface({ input: stream }).on('line', (line) => this.note(line));
    // `close` comes after the last line was read.
    this.ended = new Promise((settle, fail) => this.child.once('error', fail).once('close', (code, signal) => settle({ code, signal })));
    this.ended.catch(() => undefined);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves once all of its roles are ready; throws with the end of its log when it ends or takes too long. */
  async ready(): Promise<this> {
    await eventually(async () => {
      if (this.child.exitCode !== null) return;
      const answer = await fetch(`${this.management}/readyz`, { signal: AbortSignal.timeout(5_000) });
      if (!answer.ok) throw new Error(`${this.name} is not ready:\n${await answer.text()}${this.lines.slice(-15).join('\n')}`);
    }, { withinMs: READY_WITHIN_MS });
    if (this.child.exitCode !== null) throw new Error(`${this.name} ended with ${this.child.exitCode}:\n${this.lines.slice(-15).join('\n')}`);
    return this;
  }

  get management(): string {
    return this.addressesKnown().management;
  }

  get api(): string {
    return this.addressesKnown().api!;
  }

  get gateway(): string {
    return this.addressesKnown().gateway!;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Asks it to end and waits; one that does not is killed, which the answer shows. */
  async stop(): Promise<Exit> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), ENDS_WITHIN_MS);
    this.child.kill('SIGTERM');
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  private note(line: string): void {
    this.lines.push(line);
    if (!this.addresses && line.includes('fnplane is up')) this.addresses = JSON.parse(line) as Addresses;
  }

  private addressesKnown(): Addresses {
    if (!this.addresses) throw new Error(`${this.name} is not up:\n${this.lines.slice(-15).join('\n')}`);
    return this.addresses;
  }
}
