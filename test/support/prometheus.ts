import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { freePort } from '../../deploy/local/cluster/ports.ts';
import type { RuleFile } from '../../deploy/monitoring/rules.ts';
import { eventually } from './eventually.js';

const START_MS = 30_000;
const END_MS = 10_000;
const QUERY_MS = 10_000;

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: 'pending' | 'firing';
}

export interface RuleState {
  name: string;
  health: string;
  lastError?: string;
}

/** A series of an answer, with its one value. */
export interface Series {
  metric: Record<string, string>;
  value: [number, string];
}

/** A real Prometheus on loopback, with data of its own that goes with it. */
export class Prometheus {
  private readonly lines: string[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
    private readonly folder: string,
  ) {
    createInterface({ input: child.stderr! }).on('line', (line) => this.lines.push(line));
  }

  /** Resolves once it has scraped all targets. @param targets `http://HOST:PORT` of management ports */
  static async start(targets: readonly string[], rules: RuleFile, intervalSeconds = 1): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'fnplane-prometheus-'));
    const every = `${intervalSeconds}s`;
    writeFileSync(join(folder, 'rules.yaml'), stringify(rules));
    writeFileSync(join(folder, 'prometheus.yaml'), stringify({
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every }, rule_files: ['rules.yaml'],
      scrape_configs: [{ job_name: 'fnplane', static_configs: [{ targets: targets.map((target) => new URL(target).host) }] }],
    }));
    const port = await freePort();
    const child = spawn('prometheus', [
      `--config.file=${join(folder, 'prometheus.yaml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn',
    ], { stdio: ['ignore', 'ignore', 'pipe'] });
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`, folder);
    child.once('error', (error) => prometheus.lines.push(error.message));
    try {
      await eventually(async () => {
        const up = await prometheus.query('up == 1');
        if (up.length !== targets.length) throw new Error(`Prometheus has scraped ${up.length} of ${targets.length}:\n${prometheus.lines.slice(-10).join('\n')}`);
      }, { withinMs: START_MS });
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  /** @throws with Prometheus' own words for a query that it does not take */
  async query(query: string): Promise<Series[]> {
    return (await this.get<{ result: Series[] }>(`/api/v1/query?query=${encodeURIComponent(query)}`)).result;
  }

  async alerts(): Promise<Alert[]> {
    return (await this.get<{ alerts: Alert[] }>('/api/v1/alerts')).alerts;
  }

  async rules(): Promise<RuleState[]> {
    return (await this.get<{ groups: { rules: RuleState[] }[] }>('/api/v1/rules')).groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    if (this.child.pid !== undefined && this.child.exitCode === null) {
      const ended = new Promise((resolve) => this.child.once('close', resolve));
      const timer = setTimeout(() => this.child.kill('SIGKILL'), END_MS);
      this.child.kill('SIGTERM');
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async get<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(QUERY_MS) });
    const body = (await answer.json()) as { status: string; error?: string; data: T };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  }
}
