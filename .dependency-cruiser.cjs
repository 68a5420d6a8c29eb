/** The house's rules on who may know whom. All are errors. */

/** Domains from left to right: one may import from its own tier and from those to the left of it. */
const TIERS = [
  ['tenants', 'audit', 'events', 'operations'],
  ['access', 'clusters', 'configuration'],
  ['quotas'],
  ['webhooks'],
  ['functions', 'pools'],
  ['logs'],
  ['invocations'],
  ['async-invocations'],
  ['triggers', 'cron-triggers', 'kafka-triggers'],
  ['metering'],
  ['billing'],
];

const tiers = TIERS.slice(0, -1).map((domains, index) => ({
  name: `tier-${domains.join('-')}`,
  comment: 'Domains import only to the left; news travels right as outbox events.',
  severity: 'error',
  from: { path: `^src/domains/(${domains.join('|')})/` },
  to: { path: `^src/domains/(${TIERS.slice(index + 1).flat().join('|')})/` },
}));

/** A package, wherever node_modules lies. */
const packages = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

/** One owner for each technology. */
const OWNERS = [
  { name: 'typeorm', to: packages('typeorm', '@nestjs/typeorm', 'pg'), owners: ['^src/domains/[^/]+/store/', '^src/platform/database/', '^src/platform/jobs/', '^migrations/'] },
  { name: 'kubernetes-client', to: packages('@kubernetes/client-node'), owners: ['^src/domains/[^/]+/cluster/', '^src/operator/', '^src/gateway/', '^src/platform/kubernetes/'] },
  { name: 'graphql', to: packages('@nestjs/graphql', '@nestjs/apollo', '@apollo/server', 'graphql', 'graphql-ws', 'ws'), owners: ['^src/domains/[^/]+/api/', '^src/platform/graphql/', '^src/platform/rest/'] },
  { name: 'swagger', to: packages('@nestjs/swagger'), owners: ['^src/domains/[^/]+/api/', '^src/platform/rest/', '^src/platform/graphql/'] },
];

/** The composition root and tests may touch what they put together. */
const TESTS = '\\.spec\\.ts$|/testing/';

const owners = OWNERS.map(({ name, to, owners: at }) => ({
  name: `owner-of-${name}`,
  comment: `Only ${at.join(', ')} know this technology.`,
  severity: 'error',
  from: { path: '^src/', pathNot: [...at, TESTS, '^src/(main|generate|app\\.module)\\.ts$', '^src/generate/'] },
  to: { path: to, dependencyTypesNot: ['type-only'] },
}));

module.exports = {
  forbidden: [
    { name: 'no-circular', comment: 'A cycle has no order in which to be understood.', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-packages', comment: 'Production has no development packages.', severity: 'error',
      from: { path: '^src/', pathNot: [TESTS] }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'platform-below-domains', severity: 'error', from: { path: '^src/platform/', pathNot: [TESTS] }, to: { path: '^src/(domains|operator|gateway|roles)/' } },
    { name: 'contract-stands-alone', severity: 'error', from: { path: '^src/contract/', pathNot: [TESTS] }, to: { path: '^src/(?!contract/|platform/errors/)' } },
    {
      name: 'domain-privacy', comment: "A domain's api, store, cluster and jobs are its own.", severity: 'error',
      from: { path: '^src/domains/([^/]+)/', pathNot: [TESTS, '^src/domains/[^/]+/api/'] }, to: { path: '^src/domains/[^/]+/(api|store|cluster|jobs)/', pathNot: ['^src/domains/$1/'] },
    },
    {
      name: 'domain-privacy-of-api', comment: "A domain's api is its own, but for its models and mappers: the graph is one, and answers of several domains hold an operation (ADR 8).", severity: 'error',
      from: { path: '^src/domains/([^/]+)/api/', pathNot: [TESTS] }, to: { path: '^src/domains/[^/]+/(api|store|cluster|jobs)/', pathNot: ['^src/domains/$1/', '/api/[^/]+\\.(model|mapper)\\.ts$'] },
    },
    {
      name: 'domain-privacy-outside', comment: "A domain's api, store, cluster and jobs are its own; roles put the product together (ADR 8).", severity: 'error',
      from: { path: '^src/', pathNot: ['^src/domains/', '^src/roles/', TESTS] }, to: { path: '^src/domains/[^/]+/(api|store|cluster|jobs)/' },
    },
    {
      name: 'api-calls-services', comment: 'Controllers and resolvers know services, not what lies below.', severity: 'error',
      from: { path: '^src/domains/([^/]+)/api/', pathNot: [TESTS] }, to: { path: '^src/domains/$1/(store|cluster|jobs)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'cluster-side-knows-contract-and-platform', comment: 'The operator and the gateway run where neither a domain nor Postgres is.', severity: 'error',
      from: { path: '^src/(operator|gateway)/', pathNot: [TESTS] }, to: { path: '^src/', pathNot: ['^src/$1/', '^src/contract/', '^src/platform/(?!database/|jobs/)'] },
    },
    ...tiers,
    ...owners,
    {
      name: 'pure-files', comment: 'Policies, plans and manifests take values and answer values.', severity: 'error',
      from: { path: '(\\.(policy|plan)\\.ts$|/manifests/)', pathNot: [TESTS] },
      to: {
        path: ['^(node:)?(fs|net|http|https|http2|child_process|dns|dgram|tls|worker_threads|cluster|timers)(/|$)', packages('typeorm', 'pg', 'undici', 'fastify', '@nestjs/[^/]+', '@kubernetes/client-node'), '\\.(service|repository|controller|resolver|reconciler|watch|job)\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    { name: 'sources-do-not-know-tests', severity: 'error', from: { path: '^src/', pathNot: [TESTS] }, to: { path: ['^(test|deploy)/', '\\.spec\\.ts$', '/testing/'], dependencyTypesNot: ['type-only'] } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'], mainFields: ['module', 'main', 'types'] },
  },
};
