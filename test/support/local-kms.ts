import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { needed } from './platform.js';

/** A real server of AWS KMS's protocol that only one suite uses, so that it may be taken away. */
export class LocalKms {
  private constructor(
    private readonly folder: string,
    private child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(): Promise<LocalKms> {
    const folder = mkdtempSync(join(tmpdir(), 'fnplane-kms-'));
    const { child, url } = await launch(folder, '127.0.0.1:0');
    // It checks no signature, but the client makes one.
    process.env.AWS_ACCESS_KEY_ID = 'test';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
    process.env.AWS_REGION = 'eu-west-2';
    return new LocalKms(folder, child, url);
  }

  /** @returns the ARN of a new symmetric key */
  async createKey(): Promise<string> {
    return ((await this.call('CreateKey', {})).KeyMetadata as { Arn: string }).Arn;
  }

  async call(action: string, body: object): Promise<Record<string, unknown>> {
    const answer = await fetch(this.url, { method: 'POST', headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}`, authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-2/kms/aws4_request' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  }

  /** Ends the server; its keys stay. */
  async interrupt(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** Starts it again at the same address. */
  async resume(): Promise<void> {
    this.child = (await launch(this.folder, new URL(this.url).host)).child;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.interrupt();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function launch(folder: string, address: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(needed('FNPLANE_TEST_LOCAL_KMS'), [address, folder], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit').then(() => [undefined])])) as [string | undefined];
  if (line === undefined) throw new Error('local-kms did not start');
  return { child, url: line };
}
