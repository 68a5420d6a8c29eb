import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Postgres server that only one suite uses, so that it may be taken away from under the platform. */
export class OwnPostgres {
  private constructor(
    private readonly folder: string,
    readonly url: string,
  ) {}

  static async start(): Promise<OwnPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'fnplane-postgres-'));
    return new OwnPostgres(folder, await postgres('up', folder));
  }

  /** Ends the server; its data stay. */
  async interrupt(): Promise<void> {
    await postgres('down', this.folder, '--keep');
  }

  /** Starts it again where it was. */
  async resume(): Promise<void> {
    if ((await postgres('up', this.folder)) !== this.url) throw new Error('somebody took the port of the interrupted Postgres');
  }

  async stop(): Promise<void> {
    await postgres('down', this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** By a process of its own, so that the server is nobody's child here. Answers what it printed: the server's URL. */
async function postgres(verb: 'up' | 'down', folder: string, ...more: string[]): Promise<string> {
  const args = ['--disable-warning=ExperimentalWarning', 'deploy/local/postgres.ts', verb, '--data', join(folder, 'server'), '--ephemeral', ...more];
  return (await run(process.execPath, args, { timeout: 120_000 })).stdout.trim();
}
