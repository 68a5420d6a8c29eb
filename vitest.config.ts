import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * Have the cluster to themselves: their operators watch all of it, they change what all of it sees, they count what a function costs, which a full
 * node changes, or their pods ask for more than half of a node with two CPUs (five of a warm pool: 1.25), so that beside another suite one waits for room.
 */
const clusterWide = ['src/domains/**/*.cluster.spec.ts', 'src/operator/pool/*.cluster.spec.ts', 'src/operator/metrics-api/*.cluster.spec.ts', 'src/operator/function/function.cluster.spec.ts', 'test/cluster/argo-releases.spec.ts'];
/** Start platforms of their own, of which the cluster takes one at a time; the other suites of `e2e` share one, two at a time, and keep to tenants of their own. */
const ownPlatform = ['canary', 'demo', 'resilience', 'roles', 'service-proxy'].map((name) => `test/e2e/${name}.spec.ts`);
/** Two at a time too: their control planes are their own, and their pods only simulated. */
const ownControlPlane = ['test/cluster/many-clusters.spec.ts', 'test/cluster/operator-faults.spec.ts'];
const unit = { include: ['src/**/*.spec.ts', 'migrations/**/*.spec.ts'], exclude: ['**/*.integration.spec.ts', '**/*.cluster.spec.ts'] };

/** One project a kind of test: each states what it needs to run (test/run.ts starts it). */
export default defineConfig({
  // Decorator metadata is what Nest's injection and TypeORM's columns are read from.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  // graphql ships two builds; Nest loads the one Node resolves, and a schema must not mix them.
  resolve: { alias: [{ find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) }] },
  test: {
    globals: false,
    isolate: false,
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    env: { FNPLANE_LOG_LEVEL: process.env.FNPLANE_LOG_LEVEL ?? 'error' },
    setupFiles: ['test/support/setup.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      { extends: true, test: { name: 'unit', ...unit } },
      { extends: true, test: { name: 'runtimes', include: ['deploy/**/*.spec.ts'] } },
      { extends: true, test: { name: 'integration', include: ['src/**/*.integration.spec.ts', 'test/integration/**/*.spec.ts', 'test/contract/**/*.spec.ts'] } },
      { extends: true, test: { name: 'proof', include: ['test/proof/**/*.spec.ts'], testTimeout: 300_000, hookTimeout: 400_000, fileParallelism: false } },
      { extends: true, test: { name: 'cluster', include: ['src/**/*.cluster.spec.ts', ...ownControlPlane], exclude: clusterWide, testTimeout: 120_000, hookTimeout: 120_000 } },
      { extends: true, test: { name: 'cluster-wide', include: clusterWide, testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false } },
      { extends: true, test: { name: 'isolation', include: ['test/isolation/**/*.spec.ts'], testTimeout: 120_000, hookTimeout: 180_000, fileParallelism: false } },
      { extends: true, test: { name: 'image', include: ['test/image/**/*.spec.ts'], testTimeout: 120_000, hookTimeout: 400_000, fileParallelism: false } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.spec.ts'], exclude: ownPlatform, globalSetup: ['test/support/shared-platform.ts'], testTimeout: 120_000, hookTimeout: 180_000 } },
      { extends: true, test: { name: 'e2e-own', include: ownPlatform, testTimeout: 120_000, hookTimeout: 180_000, fileParallelism: false } },
    ],
  },
});
