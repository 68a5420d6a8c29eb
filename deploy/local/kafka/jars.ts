import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../cluster/command.ts';
import { checkout } from '../cluster/layout.ts';
import { takeLock } from '../cluster/lock.ts';
import type { Progress } from '../cluster/progress.ts';

const POM = join(checkout, 'deploy/local/kafka/pom.xml');
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const FETCH_MS = 600_000;

/** What runs a broker, by the command that tells whether it is there. */
export const KAFKA_PACKAGES: Record<string, string> = { maven: 'mvn', 'openjdk-17-jre-headless': 'java' };

/**
 * Kafka's jars (43 MB), fetched into the cache folder where they are not there yet.
 * @returns their folder
 */
export async function ensureKafka(cache: string, progress: Progress, signal?: AbortSignal): Promise<string> {
  const folder = join(cache, 'kafka');
  const home = join(folder, createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 16));
  if (existsSync(home)) return home;
  mkdirSync(folder, { recursive: true });
  const release = await takeLock(`build-${home}`, FETCH_MS);
  const work = mkdtempSync(join(folder, '.fetch-'));
  try {
    if (existsSync(home)) return home;
    const fetch = () => run('mvn', ['--quiet', '--batch-mode', '--file', POM, COPY, `-DoutputDirectory=${work}`, '-DincludeScope=runtime'], { timeoutMs: FETCH_MS, signal });
    await progress.step('fetching Kafka', fetch, 20_000);
    renameSync(work, home);
    return home;
  } finally {
    rmSync(work, { recursive: true, force: true });
    release();
  }
}
