import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** One test, as `npm test -- --json` writes it. */
export interface TestRecord {
  project: string;
  file: string;
  name: string;
  state: 'passed' | 'failed' | 'skipped';
  ms: number;
  /** Why it failed: the beginning of the error's text. */
  why?: string;
}

export interface SuiteOptions {
  checkout: string;
  projects: readonly string[];
  /** File name parts, as vitest takes them. */
  filters: readonly string[];
  environment: Record<string, string>;
  signal: AbortSignal;
}

interface JsonReport {
  testResults: { name: string; status: string; message?: string; assertionResults: { fullName: string; status: string; duration?: number | null; failureMessages?: string[] | null }[] }[];
}

/** Enough to see what happened without the whole log, which CI may cut. */
const LINES_OF_WHY = 40;

/**
 * Runs vitest on the given projects, one after the other: those on the cluster measure and break things, so nothing runs beside them.
 */
export async function runSuites(options: SuiteOptions): Promise<TestRecord[]> {
  const records: TestRecord[] = [];
  for (const project of options.projects) records.push(...(await runProject(project, options)));
  return records;
}

async function runProject(project: string, options: SuiteOptions): Promise<TestRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-tests-'));
  const report = join(folder, 'report.json');
  try {
    const args = ['node_modules/.bin/vitest', 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, '--passWithNoTests', ...options.filters];
    const code = await new Promise<number>((resolve, reject) => {
      const child = spawn(process.execPath, args, { cwd: options.checkout, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...options.environment }, signal: options.signal, killSignal: 'SIGTERM' });
      child.once('error', reject).once('exit', (exit) => resolve(exit ?? 1));
    });
    const records = readReport(project, report, options.checkout);
    // A file that could not be loaded, or an error outside any test, has no test of its own to fail.
    if (code !== 0 && !records.some((record) => record.state === 'failed')) records.push({ project, file: '', name: 'the run itself ended with an error (see above)', state: 'failed', ms: 0 });
    return records;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(project: string, path: string, checkout: string): TestRecord[] {
  let report: JsonReport;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as JsonReport;
  } catch {
    return [];
  }
  return report.testResults.flatMap((file): TestRecord[] => {
    const name = relative(checkout, file.name);
    const tests = file.assertionResults.map((test): TestRecord => ({ project, file: name, name: test.fullName, state: stateOf(test.status), ms: Math.round(test.duration ?? 0), ...whyOf(test.failureMessages?.join('\n')) }));
    return file.status === 'failed' && !tests.some((test) => test.state === 'failed') ? [...tests, { project, file: name, name: 'the file could not be run', state: 'failed', ms: 0, ...whyOf(file.message) }] : tests;
  });
}

function whyOf(message: string | undefined): { why?: string } {
  return message ? { why: stripVTControlCharacters(message).split('\n').slice(0, LINES_OF_WHY).join('\n') } : {};
}

function stateOf(status: string): TestRecord['state'] {
  return status === 'passed' || status === 'failed' ? status : 'skipped';
}
