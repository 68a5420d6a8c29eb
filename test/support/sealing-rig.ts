import { randomBytes } from 'node:crypto';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { EnvironmentService, type ResolvedEnvironment } from '../../src/domains/configuration/environment.service.js';
import { RewrapSecretsJob } from '../../src/domains/configuration/jobs/rewrap-secrets.job.js';
import { loadConfig } from '../../src/platform/config/config.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../src/platform/context/context.js';
import { JobRunner } from '../../src/platform/jobs/job-runner.js';
import { buildControlPlane, closeControlPlane, type ControlPlane } from '../../src/roles/control-plane.js';
import { randomName, testEnvironment } from './api.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';
import { mintToken } from './tokens.js';

/** A process of the control plane with keys of its own choice. */
export interface SealingProcess {
  plane: ControlPlane;
  operator: HttpClient;
  client(token?: string): HttpClient;
  resolve(tenant: TestTenant, ...secrets: string[]): Promise<ResolvedEnvironment>;
  /** Works on rewrap jobs until the process is stopped. */
  work(): void;
  stop(): Promise<void>;
}

export interface TestTenant {
  name: string;
  path: string;
  context: TenantContext;
}

export function localKey(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`;
}

/** One database, and processes on it that come and go with other keys each time. */
export class SealingRig {
  private readonly processes = new Set<SealingProcess>();
  private readonly secret = randomBytes(32).toString('hex');
  private readonly operator = randomName('operator');

  private constructor(private readonly database: TestDatabase) {}

  static async create(): Promise<SealingRig> {
    return new SealingRig(await createTestDatabase());
  }

  environment(more: Record<string, string>): Record<string, string> {
    return testEnvironment(this.database.url, { FNPLANE_ENCRYPTION_KEYS: '', FNPLANE_INTERNAL_SECRET: this.secret, ...more });
  }

  async start(more: Record<string, string>): Promise<SealingProcess> {
    const plane = await buildControlPlane(loadConfig(this.environment(more)));
    await plane.http!.listen(0, '127.0.0.1');
    const url = await plane.http!.getUrl();
    let runner: JobRunner | undefined;
    const started: SealingProcess = {
      plane,
      operator: new HttpClient(url, await mintToken({ subject: this.operator, roles: ['operator'] })),
      client: (token) => new HttpClient(url, token),
      resolve: (tenant, ...secrets) => plane.app.get(EnvironmentService).resolve(tenant.context, { configs: [], secrets }),
      work: () => {
        runner = new JobRunner(plane.database, this.database.url, [plane.app.get(RewrapSecretsJob, { strict: false })]);
        runner.start();
      },
      stop: async () => {
        if (!this.processes.delete(started)) return;
        await runner?.stop(5_000);
        await closeControlPlane(plane);
      },
    };
    this.processes.add(started);
    return started;
  }

  async tenant({ operator }: SealingProcess): Promise<TestTenant> {
    const name = randomName('team');
    const made = await operator.post('/v1/tenants', { name });
    return { name, path: `/v1/tenants/${name}/secrets`, context: tenantJobContext('sealing-test', { id: made.body.id as string, name }) };
  }

  sql<Row>({ plane }: SealingProcess, statement: string, values: unknown[] = []): Promise<Row[]> {
    return plane.database.transaction(systemContext('test'), (manager) => manager.query<Row[]>(statement, values));
  }

  async stop(): Promise<void> {
    for (const each of [...this.processes]) await each.stop();
    await this.database.drop();
  }
}
