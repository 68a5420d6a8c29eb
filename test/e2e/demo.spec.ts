import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { tenantNamespace } from '../../src/contract/names.js';
import { leftovers } from '../support/leftovers.js';
import { needed } from '../support/platform.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

interface DemoReport {
  steps: { name: string; seconds: number; result?: unknown }[];
  totals: { seconds: number; platformSeconds: number; dataPath: string };
}

const TENANTS = ['demo-bank', 'demo-shop'];

/** On the run's cluster and a database of its own, as a caller who brings both; in a data folder of its own. */
describe('npm run demo', () => {
  let database: TestDatabase;
  let data: string;
  let namespaces: string[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    data = mkdtempSync(join(tmpdir(), 'fnplane-demo-'));
  });
  afterAll(async () => {
    await demo(['--down']);
    await database.drop();
    rmSync(data, { recursive: true, force: true });
  });

  /** `interruptAt`: a Ctrl-C as soon as this is printed. */
  function demo(args: string[], interruptAt?: RegExp): Promise<{ code: number; output: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn('node_modules/.bin/node', ['deploy/local/demo/demo.ts', ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env, FNPLANE_DATA: data, DATABASE_URL: database.url, KUBECONFIG: needed('KUBECONFIG'),
          FNPLANE_REGISTRY: needed('FNPLANE_TEST_REGISTRY'), FNPLANE_BLOCKED_EGRESS: process.env.FNPLANE_TEST_BLOCKED_EGRESS ?? '',
        },
      });
      let output = '';
      let interrupted = false;
      const take = (chunk: Buffer): void => {
        output += chunk.toString();
        if (!interrupted && interruptAt?.test(output)) interrupted = child.kill('SIGINT');
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('error', reject).once('close', (code) => resolve({ code: code ?? -1, output }));
    });
  }

  async function tenants(): Promise<{ id: string; name: string }[]> {
    const address = /REST\s+(http:\/\/\S+)\/v1/.exec(lastOutput)![1]!;
    return (await new HttpClient(address, readFileSync(join(data, 'demo/operator.token'), 'utf8')).get('/v1/tenants')).body.items;
  }
  let lastOutput = '';

  it('stops on Ctrl-C and goes on when it is run again', async () => {
    const stopped = await demo([], /in one process \(/);
    expect(stopped.code, stopped.output).toBe(1);
    expect(stopped.output).toMatch(/interrupted; run it again/);
  }, 240_000);

  it('does the main job through the public APIs, and tells each step with its time', async () => {
    const file = join(data, 'report.json');
    const { code, output } = await demo(['--json', file]);
    lastOutput = output;
    expect(code, output).toBe(0);
    const report = JSON.parse(readFileSync(file, 'utf8')) as DemoReport;
    const step = (part: string): unknown => report.steps.find(({ name }) => name.includes(part))?.result;
    expect(step('an order event')).toHaveProperty('reservation');
    expect(step('a PNG')).toEqual({ width: 32, height: 21 });
    expect(step('a payment')).toMatchObject({ decision: 'authorized', ledgerEntry: expect.stringMatching(/^entry-/) as string });
    expect(step("demo-shop's own pod")).toMatchObject({ connected: true });
    expect(step("demo-bank's pod")).toMatchObject({ connected: false });
    expect(step('demo-shop: metered')).toMatchObject({ usage: { total: { gbSeconds: expect.any(String) as string } }, invoicePreview: { currency: 'EUR' } });
    expect(report.totals).toMatchObject({ seconds: expect.any(Number) as number, platformSeconds: expect.any(Number) as number, dataPath: 'direct' });
    expect(report.steps.every(({ seconds }) => seconds >= 0)).toBe(true);
    const found = await tenants();
    expect(found.map(({ name }) => name).sort()).toEqual(TENANTS);
    namespaces = found.map(({ id }) => tenantNamespace(id));
  }, 300_000);

  it('breaks and doubles nothing when it is run twice', async () => {
    const before = await tenants();
    const { code, output } = await demo([]);
    expect(code, output).toBe(0);
    expect((await tenants()).map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
  }, 240_000);

  it('takes away all that it made, and the cluster and database of the caller stay', async () => {
    const { code, output } = await demo(['--down']);
    expect(code, output).toBe(0);
    expect(existsSync(join(data, 'demo'))).toBe(false);
    for (const namespace of namespaces) expect(await leftovers(namespace)).toEqual([]);
  }, 240_000);
});
