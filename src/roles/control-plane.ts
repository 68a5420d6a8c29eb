import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from '../app.module.js';
import { EncryptionService } from '../domains/configuration/encryption.service.js';
import { required, type Config } from '../platform/config/config.js';
import { Database } from '../platform/database/database.js';
import { NestLogger } from '../platform/observability/nest-logger.js';
import { buildOpenApi } from '../platform/rest/open-api.js';
import { buildHttpAdapter } from '../platform/rest/http-server.js';

/** The domains of one process with their database: with an HTTP server where the `api` role is on. */
export interface ControlPlane {
  app: INestApplicationContext;
  http?: NestFastifyApplication;
  database: Database;
}

/** Served as it is checked in. */
function serveOpenApi(http: NestFastifyApplication): void {
  const text = JSON.stringify(buildOpenApi(http));
  (http.getHttpAdapter().getInstance() as unknown as FastifyInstance).get('/v1/openapi.json', (_request, reply) => reply.type('application/json').send(text));
}

const SLOW_SHUTDOWN_MS = 10_000;

/** Opens the database, migrates it where allowed, and puts the domains together. Nothing listens yet. `connect: false` leaves the database alone (to generate documents). */
export async function buildControlPlane(config: Config, options: { connect?: boolean } = {}): Promise<ControlPlane> {
  const connect = options.connect ?? true;
  const database = new Database({ url: required(config, 'DATABASE_URL'), poolSize: config.FNPLANE_DATABASE_POOL });
  if (connect) await database.open();
  try {
    if (connect && config.FNPLANE_MIGRATE === 'auto') await database.migrate();
    const module = AppModule.forProcess(config, database);
    const nest = { logger: new NestLogger(), abortOnError: false, bufferLogs: false };
    if (!config.FNPLANE_ROLES.includes('api')) {
      const app = await NestFactory.createApplicationContext(module, nest);
      if (connect) await app.get(EncryptionService, { strict: false }).verifyKeys();
      return { app, database };
    }
    const http = await NestFactory.create<NestFastifyApplication>(module, buildHttpAdapter(config.FNPLANE_TRUSTED_PROXIES), { ...nest, bodyParser: false, forceCloseConnections: true });
    await http.init();
    if (connect) await http.get(EncryptionService, { strict: false }).verifyKeys();
    serveOpenApi(http);
    return { app: http, http, database };
  } catch (error) {
    await database.close().catch(() => undefined);
    throw error;
  }
}

export async function closeControlPlane(plane: ControlPlane): Promise<void> {
  await Promise.race([plane.app.close(), new Promise((resolve) => setTimeout(resolve, SLOW_SHUTDOWN_MS).unref())]);
  await plane.database.close();
}
