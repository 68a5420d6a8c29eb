import 'reflect-metadata';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { functionCrdYaml } from './contract/function-crd.js';
import { warmPoolCrdYaml } from './contract/pool-crd.js';
import { prometheusRuleYaml } from './generate/prometheus-rule.js';
import { loadConfig } from './platform/config/config.js';
import { buildOpenApi } from './platform/rest/open-api.js';
import { buildControlPlane, closeControlPlane } from './roles/control-plane.js';

/**
 * Writes what is generated from the code (`--check`: only compares): openapi.json, schema.graphql, the custom resource
 * definitions, the alert rules as a PrometheusRule, and the database's schema where a Postgres is given by DATABASE_URL.
 */
async function documents(): Promise<Record<string, string>> {
  const nothing = Buffer.alloc(32).toString('base64');
  const config = loadConfig({
    FNPLANE_ROLES: 'api', DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing', FNPLANE_ENCRYPTION_KEYS: `none:${nothing}`,
    FNPLANE_ISSUERS: '[{"issuer":"none","audience":"none","jwksUri":"http://127.0.0.1:1/"}]', FNPLANE_INTERNAL_SECRET: 'x'.repeat(32),
    FNPLANE_REGISTRY_URL: 'http://127.0.0.1:1', FNPLANE_RUNTIME_IMAGES: '{"python":"none","node":"none","go":"none"}',
  });
  const plane = await buildControlPlane(config, { connect: false });
  try {
    const schema = plane.app.get(GraphQLSchemaHost, { strict: false }).schema;
    return {
      'openapi.json': `${JSON.stringify(buildOpenApi(plane.http!), null, 2)}\n`,
      'schema.graphql': `${printSchema(lexicographicSortSchema(schema))}\n`,
      'deploy/crds/functions.fnplane.dev.yaml': functionCrdYaml(),
      'deploy/crds/warmpools.fnplane.dev.yaml': warmPoolCrdYaml(),
      'deploy/monitoring/prometheus-rule.yaml': prometheusRuleYaml(await readFile(join(process.cwd(), 'deploy/monitoring/rules/fnplane.yaml'), 'utf8')),
    };
  } finally {
    await closeControlPlane(plane);
  }
}

async function main(): Promise<number> {
  const check = process.argv.includes('--check');
  let different = 0;
  for (const [path, text] of Object.entries(await documents())) {
    const target = join(process.cwd(), path);
    const present = await readFile(target, 'utf8').catch(() => '');
    if (present === text) continue;
    different += 1;
    if (check) {
      console.error(`${path} differs from the code: run \`npm run generate\` and commit it`);
    } else {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
      console.log(`wrote ${path}`);
    }
  }
  return check && different > 0 ? 1 : 0;
}

process.exitCode = await main();
