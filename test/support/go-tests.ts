import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { TestRecord } from './suites.ts';

interface GoEvent {
  Action: string;
  Package: string;
  Test?: string;
  Elapsed?: number;
  Output?: string;
}

const LEFT_OUT = new Set(['node_modules', '.git', '.data', '.cache', 'dist', 'examples']);

interface GoModule {
  folder: string;
  /** Of its packages those with tests, as `go` takes them. */
  packages: string[];
}

/** Runs `go test` in every Go module of the checkout that has tests. */
export async function runGoTests(checkout: string, signal: AbortSignal): Promise<TestRecord[]> {
  const records: TestRecord[] = [];
  for (const module of modulesWithTests(checkout)) records.push(...(await runModule(checkout, module, signal)));
  return records;
}

/** Packages without tests are left out: one of them is the whole of Kubernetes. */
function modulesWithTests(checkout: string): GoModule[] {
  const entries = readdirSync(checkout, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !LEFT_OUT.has(entry.name));
  const files = entries.flatMap((entry) => readdirSync(join(checkout, entry.name), { recursive: true, encoding: 'utf8' }).map((name) => join(entry.name, name)))
    .filter((name) => !name.split('/').some((part) => LEFT_OUT.has(part)));
  const modules = files.filter((name) => name.endsWith('/go.mod')).map((name) => name.slice(0, -'/go.mod'.length));
  const tests = files.filter((name) => name.endsWith('_test.go'));
  return modules.map((module) => {
    const folders = tests.filter((name) => name.startsWith(`${module}/`)).map((name) => `./${relative(module, dirname(name))}`);
    return { folder: join(checkout, module), packages: [...new Set(folders)].sort() };
  }).filter(({ packages }) => packages.length > 0);
}

async function runModule(checkout: string, { folder, packages }: GoModule, signal: AbortSignal): Promise<TestRecord[]> {
  const file = relative(checkout, folder);
  const { code, output } = await runGo(folder, packages, signal);
  const events = output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as GoEvent);
  const records = events.filter((event) => event.Test !== undefined && ['pass', 'fail', 'skip'].includes(event.Action)).map((event): TestRecord => ({
    project: 'go', file, name: `${event.Package} ${event.Test}`, state: event.Action === 'pass' ? 'passed' : event.Action === 'fail' ? 'failed' : 'skipped', ms: Math.round((event.Elapsed ?? 0) * 1000),
  }));
  if (code !== 0) process.stdout.write(events.filter((event) => event.Output).map((event) => event.Output).join('').slice(-8_000));
  if (code !== 0 && !records.some((record) => record.state === 'failed')) records.push({ project: 'go', file, name: 'go test could not be run', state: 'failed', ms: 0 });
  process.stdout.write(`go test ${file}: ${records.length} tests\n`);
  return records;
}

/** `-trimpath` as the builds have it, so that what they compiled serves here too; the machine's own proxy settings are kept. */
function runGo(folder: string, packages: readonly string[], signal: AbortSignal): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', ['test', '-json', '-trimpath', '-timeout', '120s', ...packages], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false', CGO_ENABLED: '0' }, signal });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') }));
  });
}
