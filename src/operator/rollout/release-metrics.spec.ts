import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { PodPages } from '../../platform/kubernetes/pod-pages.js';
import { functionOf, NOW, podOf } from '../function/testing/observed.js';
import { analysedRelease } from './analysed-release.js';
import { ReleaseMetricsScraper } from './release-metrics.scraper.js';
import type { FollowedRelease } from './release-metrics.js';

const RELEASE: FollowedRelease = { functionId: 'f', namespace: 'n', revisions: [2, 1], attempt: '2/1', windowSeconds: 60 };
const fn = functionOf();
const page = (requests: number, errors: number, instance = 'x-1'): string => [
  `function_instance_info{instance="${instance}"} 1`, `http_requests_total{status="200"} ${requests - errors}`, `http_requests_total{status="500"} ${errors}`,
  `function_duration_seconds_bucket{le="0.1"} ${requests}`, `function_duration_seconds_bucket{le="+Inf"} ${requests}`,
].join('\n');

describe('the scraper', () => {
  let pods: Pod[];
  let pages: Map<string, string | undefined>;
  let reads: string[];
  let now: number;
  let scraper: ReleaseMetricsScraper;

  beforeEach(() => {
    [pods, pages, reads, now] = [[], new Map(), [], NOW];
    scraper = new ReleaseMetricsScraper({
      pods: (_release, revision) => pods.filter(({ metadata }) => metadata.labels?.['fnplane.dev/revision'] === String(revision)),
      read: (pod) => {
        reads.push(pod.metadata.name);
        return Promise.resolve(pages.get(pod.metadata.uid ?? ''));
      },
      intervalMs: 3_600_000, now: () => now,
    });
  });

  afterEach(() => scraper.close());

  const window = (revision = 2) => scraper.window('f', revision, 60, now);
  const born = (suffix: string, number = 2, createdAt = NOW): Pod => podOf(fn, number, { ready: true, suffix, createdAt });
  const uid = (suffix: string, number = 2): string => `pod-${number}${suffix}`;

  test('asks nobody while nothing is followed', async () => {
    pods = [born('a')];
    await scraper.scrape();
    expect([reads, window()]).toEqual([[], undefined]);
  });

  test('adds up the pods of each revision apart', async () => {
    scraper.follow(RELEASE);
    pods = [born('a'), born('b'), born('c', 1)];
    pages = new Map([[uid('a'), page(10, 1)], [uid('b'), page(20, 2)], [uid('c', 1), page(100, 0)]]);
    await scraper.scrape();
    expect(window()).toMatchObject({ requests: 30, errors: 3 });
    expect(window(1)).toMatchObject({ requests: 100, errors: 0 });
  });

  test('counts what came since, whatever pods restart, go or do not answer', async () => {
    scraper.follow(RELEASE);
    pods = [born('a'), born('b')];
    pages = new Map([[uid('a'), page(10, 1)], [uid('b'), page(20, 2)]]);
    await scraper.scrape();
    now += 5_000;
    pages = new Map([[uid('a'), page(4, 0, 'x-2')], [uid('b'), undefined]]);
    await scraper.scrape();
    expect(window()).toMatchObject({ requests: 34, errors: 3 });
    now += 5_000;
    pods = [born('b')];
    pages = new Map([[uid('b'), page(25, 2)]]);
    await scraper.scrape();
    expect(window()).toMatchObject({ requests: 39, errors: 3 });
  });

  test('forgets what is older than the window', async () => {
    scraper.follow(RELEASE);
    pods = [born('a')];
    pages.set(uid('a'), page(50, 50));
    await scraper.scrape();
    now += 61_000;
    pages.set(uid('a'), page(60, 50));
    await scraper.scrape();
    expect(window()).toMatchObject({ requests: 10, errors: 0 });
  });

  test('what a pod answered before anybody looked belongs to no window', async () => {
    scraper.follow(RELEASE);
    pods = [born('a', 2, NOW - 60_000)];
    pages.set(uid('a'), page(500, 500));
    await scraper.scrape();
    expect(window()).toBeUndefined();
    pages.set(uid('a'), page(510, 501));
    await scraper.scrape();
    expect(window()).toMatchObject({ requests: 10, errors: 1 });
  });

  test('another attempt begins with empty windows; the same one goes on', async () => {
    scraper.follow(RELEASE);
    pods = [born('a')];
    pages.set(uid('a'), page(10, 10));
    await scraper.scrape();
    scraper.follow({ ...RELEASE });
    expect(window()).toMatchObject({ requests: 10 });
    scraper.follow({ ...RELEASE, attempt: '2/2' });
    expect(window()).toBeUndefined();
    scraper.unfollow('f');
    await scraper.scrape();
    expect(reads).toHaveLength(1);
  });

  test('asks so often by itself, and a large revision in part', async () => {
    const quick = new ReleaseMetricsScraper({ pods: (_release, revision) => (revision === 2 ? Array.from({ length: 80 }, (_, index) => born(String(index))) : []), read: (pod) => (reads.push(pod.metadata.name), Promise.resolve('')), intervalMs: 5 });
    quick.follow(RELEASE);
    await vi.waitFor(() => expect(reads.length).toBeGreaterThanOrEqual(100));
    expect(new Set(reads).size).toBe(50);
    quick.unfollowAll();
    await quick.close();
  });
});

describe('the reader', () => {
  let server: Server;
  let body: { status: number; text: string };
  const proxied: string[] = [];
  const client = (text: string | undefined): KubernetesClient => ({
    proxy: ({ name, port }: { name: string; port: number }) => {
      proxied.push(`${name}:${port}`);
      return text === undefined ? Promise.reject(new Error('down')) : Promise.resolve({ status: 200, headers: {}, body: (async function* () { yield Buffer.from(text); })() });
    },
  }) as unknown as KubernetesClient;
  const pod = (podIP: string): Pod => ({ ...podOf(fn, 2), status: { podIP } as Pod['status'] });

  beforeEach(async () => {
    proxied.length = 0;
    body = { status: 200, text: 'up' };
    server = createServer((_request, response) => response.writeHead(body.status).end(body.text));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('asks pods at their own address, and stays with it', async () => {
    const reader = new PodPages(client('through the API server'), 'auto', (server.address() as AddressInfo).port);
    expect(await reader.read(pod('127.0.0.1'), '/metrics')).toBe('up');
    body = { status: 503, text: 'starting' };
    expect(await reader.read(pod('127.0.0.1'), '/metrics')).toBeUndefined();
    body = { status: 200, text: 'x'.repeat(300 * 1_024) };
    expect(await reader.read(pod('127.0.0.1'), '/metrics')).toBeUndefined();
    expect(proxied).toEqual([]);
    await reader.close();
  });

  test('asks through the API server where they cannot be reached', async () => {
    const reader = new PodPages(client('through the API server'), 'auto', (server.address() as AddressInfo).port);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await reader.read(pod('127.0.0.1'), '/metrics')).toBe('through the API server');
    expect(proxied).toHaveLength(1);
    await reader.close();
  });

  test('a pod that nobody reaches says nothing', async () => {
    const reader = new PodPages(client(undefined), 'auto', 1);
    expect(await reader.read(pod('127.0.0.1'), '/metrics')).toBeUndefined();
    await reader.close();
  });
});

test('a rollout is analysed while it is under way, has bounds, and is of the present target and attempt', () => {
  const analysis = { windowSeconds: 60, minRequests: 1 };
  const rollout = { revision: 1, attempt: 1, stable: 3, phase: 'paused' as const, step: 0, weight: 20 };
  const given = (spec: object, status: object = {}): boolean => analysedRelease(functionOf({ rollout: { strategy: 'canary', attempt: 1, analysis }, ...spec }, { rollout: { ...rollout, ...status } })) !== undefined;
  expect([given({}), given({ rollout: { strategy: 'canary', attempt: 1 } }), given({}, { phase: 'completed' }), given({}, { phase: 'aborted' }), given({}, { stable: undefined }), given({}, { revision: 2 }), given({}, { attempt: 0 }), given({ suspension: 'compute' })])
    .toEqual([true, false, false, false, false, false, false, false]);
});
