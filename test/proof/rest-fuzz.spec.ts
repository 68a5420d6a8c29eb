import '../../src/app.module.js';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { Database } from '../../src/platform/database/database.js';
import { randomName, testEnvironment } from '../support/api.js';
import { furnishTenant, type FurnishedTenant } from '../support/contract/furnished.js';
import { fuzzConfig, knownBodies, targetsOf, type Targets } from '../support/contract/fuzz-config.js';
import { pathParameters, readDocument, type RestDocument } from '../support/contract/rest-operations.js';
import { needed } from '../support/platform.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { RoleProcess } from '../support/role-process.js';
import { ensureSchemathesis, runTool } from '../support/schemathesis.js';
import { mintToken, testIssuer } from '../support/tokens.js';

/** Another one asks other cases: a longer hunt than CI's is this spec run with many. */
const SEED = process.env.FNPLANE_PROOF_SEED ?? '20261125';
const CHECKS = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance', 'response_schema_conformance', 'negative_data_rejection', 'unsupported_method', 'ignored_auth'];

interface Run {
  /** Cases an operation was asked with. */
  examples: number;
  /** `examples`, `coverage`, `fuzzing`. */
  phases: string;
  withinMs: number;
}

/** Schemathesis against the document that a real process serves; what it finds is told by it, with a curl line that shows it again. */
describe('the served OpenAPI document', () => {
  let tool: string;
  let server: TestDatabase;
  let database: Database;
  let api: RoleProcess;
  let document: RestDocument;
  let tenant: FurnishedTenant;
  let targets: Targets;
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-proof-'));
  const operatorSubject = randomName('operator');

  beforeAll(async () => {
    tool = await ensureSchemathesis(needed('FNPLANE_TEST_CACHE'));
    server = await createTestDatabase();
    // Nothing listens at the gateway: invocations are answered as when it is down.
    api = await new RoleProcess('api', testEnvironment(server.url, { FNPLANE_GATEWAY_URL: 'http://127.0.0.1:9' })).ready();
    database = new Database({ url: server.url, poolSize: 4 });
    await database.open();
    const person = async (subject?: string): Promise<HttpClient> => new HttpClient(api.api, await mintToken({ subject }));
    const operator = new HttpClient(api.api, await mintToken({ roles: ['operator'] }));
    tenant = await furnishTenant({ operator, person, database }, 'fuzzed');
    // Who operates the platform may look into a tenant, and only its members invoke.
    await tenant.owner.post(`/v1/tenants/${tenant.name}/members`, { issuer: testIssuer().issuer, subject: operatorSubject, role: 'owner' });
    document = await readDocument(operator);
    targets = await targetsOf({ document, tenant, operator });
  }, 400_000);
  afterAll(async () => {
    await database?.close();
    await api?.stop();
    await server?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function fuzz(name: string, token: string, { examples, phases, withinMs }: Run): Promise<Map<string, number[]>> {
    const config = join(folder, `${name}.toml`);
    const reports = [1, 2].map((attempt) => join(folder, `${name}-${attempt}.ndjson`));
    writeFileSync(config, fuzzConfig(document, targets, token));
    const bodies = join(folder, `${name}-bodies.json`);
    writeFileSync(bodies, JSON.stringify(knownBodies(document, tenant)));
    // One worker: Python 3.11 counts the depth of parsing for all threads together, and Hypothesis, which parses, fails when two do so at once.
    const argsFor = (report: string): string[] => ['--config-file', config, 'run', `${api.api}/v1/openapi.json`, '--checks', CHECKS.join(','), '--phases', phases, '--max-examples', String(examples), '--seed', SEED, '--workers', '1',
      // Of how fast and how easily cases are made up: that says something of the machine and the generator, and nothing of the API.
      '--suppress-health-check', 'all',
      '--no-color', '--report', 'ndjson', '--report-ndjson-path', report, '--generation-database', 'none', '--continue-on-failure'];
    const options = { cwd: folder, env: { HYPOTHESIS_STORAGE_DIRECTORY: folder, FNPLANE_PROOF_BODIES: bodies }, timeoutMs: withinMs + 60_000 };
    let { code, output } = await runTool(tool, argsFor(reports[0]!), options);
    if (code !== 0 && !FINDINGS.test(output)) {
      // The tool itself failed, which says nothing of the API: Python's parser, say, does so now and then. Twice is no accident.
      console.log(`Schemathesis ended with ${code} without findings, and is run again:\n${foundIn(output)}`);
      ({ code, output } = await runTool(tool, argsFor(reports[1]!), options));
    }
    const seen = statusesIn(reports.filter((report) => existsSync(report)).map((report) => readFileSync(report, 'utf8')).join('\n'));
    console.log(coverageOf(name, document, seen));
    if (code !== 0) throw new Error(`Schemathesis found differences between the document and the API (seed ${SEED}):\n${foundIn(output)}\nThe API's last words:\n${api.lines.slice(-10).join('\n')}`);
    return seen;
  }

  it('is true for an operator of the platform', async () => {
    const seen = await fuzz('operator', await mintToken({ subject: operatorSubject, roles: ['operator'], expiresIn: '2h' }), { examples: 25, phases: 'examples,coverage,fuzzing', withinMs: 240_000 });
    const succeeded = document.operations.filter(({ label }) => seen.get(label)?.some((status) => status < 300)).map(({ label }) => label);
    expect(document.operations.map(({ label }) => label).filter((label) => !seen.has(label)), 'operations that were never asked').toEqual([]);
    expect(succeeded.length / document.operations.length).toBeGreaterThan(0.85);
  }, 700_000);

  it('is true for an ordinary member', async () => {
    const seen = await fuzz('member', tenant.owner.token!, { examples: 6, phases: 'examples,fuzzing', withinMs: 60_000 });
    expect(seen.size).toBe(document.operations.length);
    expect(document.operations.some((operation) => pathParameters(operation).includes('tenant') && seen.get(operation.label)?.some((status) => status < 300))).toBe(true);
  }, 300_000);
});

const LONGEST_LINE = 400;
const MOST_LINES = 400;

/** The heading of what it found wrong with the API; errors of the run have one of their own. */
const FINDINGS = /=+ FAILURES =+/;

/** What it complains of, without what only fills lines. */
function foundIn(output: string): string {
  const start = Math.max(0, output.search(/=+ (FAILURES|ERRORS) =+/));
  return output.slice(start).split('\n').map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}...` : line)).slice(0, MOST_LINES).join('\n');
}

/** How far the run came: which operations never did what they are for, and what they were answered. */
function coverageOf(name: string, document: RestDocument, seen: ReadonlyMap<string, readonly number[]>): string {
  const never = document.operations.filter(({ label }) => !seen.get(label)?.some((status) => status < 300));
  const histogram = (label: string): string => {
    const counts = new Map<number, number>();
    for (const status of seen.get(label) ?? []) counts.set(status, (counts.get(status) ?? 0) + 1);
    return [...counts].map(([status, count]) => `${status} x ${count}`).join(', ');
  };
  const total = [...seen.values()].reduce((sum, statuses) => sum + statuses.length, 0);
  return [`${name}: ${total} requests, ${document.operations.length - never.length} of ${document.operations.length} operations answered 2xx`, ...never.map(({ label }) => `  never: ${label} (${histogram(label)})`)].join('\n');
}

/** Statuses by operation, from Schemathesis' own report of what it sent. */
function statusesIn(report: string): Map<string, number[]> {
  const seen = new Map<string, number[]>();
  for (const line of report.split('\n')) {
    if (!line.includes('ScenarioFinished')) continue;
    const { recorder } = (JSON.parse(line) as { ScenarioFinished: { recorder: { label: string; interactions?: Record<string, { response?: { status_code: number } | null }> } } }).ScenarioFinished;
    const statuses = Object.values(recorder.interactions ?? {}).map(({ response }) => response?.status_code ?? 0);
    seen.set(recorder.label, [...(seen.get(recorder.label) ?? []), ...statuses]);
  }
  return seen;
}
