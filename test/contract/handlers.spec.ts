import { Controller, Get, Module, Post, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Field, GraphQLSchemaHost, Mutation, ObjectType, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { isObjectType, parse, subscribe, type ExecutionResult, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { AppModule } from '../../src/app.module.js';
import { RequirePlatform } from '../../src/platform/auth/authorization.js';
import { PERMISSIONS, PLATFORM_PERMISSIONS } from '../../src/platform/auth/permissions.js';
import { loadConfig } from '../../src/platform/config/config.js';
import { Database } from '../../src/platform/database/database.js';
import { NestLogger } from '../../src/platform/observability/nest-logger.js';
import { buildHttpAdapter } from '../../src/platform/rest/http-server.js';
import { buildOpenApi } from '../../src/platform/rest/open-api.js';
import { startApi, testEnvironment, type TestApi } from '../support/api.js';
import { handlersOf, type Handler } from '../support/handlers.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { mintToken } from '../support/tokens.js';

/** Permissions that decide elsewhere than on a handler. */
const DECIDE_ELSEWHERE = ['tenants:list'];
/** Served without a handler: the document itself, and the graph, whose every operation is a handler. */
const WITHOUT_HANDLER = ['/graphql', '/v1/openapi.json'];

const schemaOf = (app: INestApplicationContext): GraphQLSchema => app.get(GraphQLSchemaHost, { strict: false }).schema;
const sorted = (names: Iterable<string>): string[] => [...names].sort();

describe('the handlers', () => {
  let api: TestApi;
  let handlers: Handler[];
  beforeAll(async () => {
    api = await startApi();
    handlers = handlersOf(api.plane.app);
  });
  afterAll(() => api.stop());

  const named = (kind: Handler['kind']): string[] => sorted(handlers.filter((handler) => handler.kind === kind).map(({ name }) => name));

  it('declare a permission, every one of them', () => {
    expect(handlers.filter(({ requirement }) => !requirement).map(({ kind, method }) => `${kind} ${method}`)).toEqual([]);
    expect(handlers.length).toBeGreaterThan(100);
  });

  it('are all seen by the walk: it finds what the documents and the router have, no less', async () => {
    const operations = Object.entries(buildOpenApi(api.plane.http!).paths).flatMap(([path, item]) => Object.keys(item as object).map((verb) => `${verb.toUpperCase()} ${path}`));
    expect(named('route')).toEqual(sorted(operations));
    const router = (api.plane.http!.getHttpAdapter().getInstance() as unknown as FastifyInstance).printRoutes({ commonPrefix: false });
    const others = routedPaths(router).filter((route) => !named('route').includes(route)).map((route) => route.split(' ')[1]!);
    expect(sorted(new Set(others))).toEqual(WITHOUT_HANDLER);
    const schema = schemaOf(api.plane.app);
    expect(named('query')).toEqual(sorted(Object.keys(schema.getQueryType()!.getFields())));
    expect(named('mutation')).toEqual(sorted(Object.keys(schema.getMutationType()!.getFields())));
    expect(named('subscription')).toEqual(sorted(Object.keys(schema.getSubscriptionType()?.getFields() ?? {})));
    expect(named('field')).toEqual(sorted(await resolvedFields(schema)));
  });

  it('ask for every permission there is: none is granted for nothing', () => {
    const asked = new Set(handlers.flatMap(({ requirement }) => (requirement && 'permission' in requirement ? [requirement.permission as string] : [])));
    const unused = [...PERMISSIONS, ...PLATFORM_PERMISSIONS].filter((permission) => !asked.has(permission) && !DECIDE_ELSEWHERE.includes(permission));
    expect(unused).toEqual([]);
  });
});

/** Paths of fastify's tree, without those that only answer HEAD. */
function routedPaths(tree: string): string[] {
  const parents: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const match = /^([│ ]*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?/.exec(line);
    if (!match) return [];
    const depth = match[1]!.length / 4;
    parents.length = depth;
    parents.push(match[2]!);
    const path = parents.join('').replaceAll(/:(\w+)/g, '{$1}');
    return (match[3] ?? '').split(', ').filter((verb) => verb !== '' && verb !== 'HEAD').map((verb) => `${verb} ${path}`);
  });
}

/** Fields below the roots that run code of their own: all that do not simply hand on what their parent holds. */
async function resolvedFields(schema: GraphQLSchema): Promise<string[]> {
  const held = Symbol('held by the parent');
  const parent = new Proxy({}, { get: () => held });
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = Object.values(schema.getTypeMap()).flatMap((type) => (isObjectType(type) && !type.name.startsWith('__') && !roots.includes(type) ? Object.values(type.getFields()) : []));
  const handsOn = await Promise.all(fields.map(async ({ resolve }) => {
    try {
      return resolve === undefined || await resolve(parent, {}, {}, {} as GraphQLResolveInfo) === held;
    } catch {
      return false;
    }
  }));
  return fields.filter((_, index) => !handsOn[index]).map(({ name }) => name);
}

/** Handlers that ran although nothing lets anybody in. */
const ran: string[] = [];
const run = (name: string): string => {
  ran.push(name);
  return name;
};

@Controller('v1/careless')
class CarelessController {
  @Get() read(): string { return run('GET'); }
  @Post() write(): string { return run('POST'); }
}

@ObjectType()
class Careless {
  @Field(() => String) name!: string;
}

@Resolver(() => Careless)
class CarelessResolver {
  @Query(() => Careless) @RequirePlatform('authenticated') careful(): Careless { return { name: 'careful' }; }
  @Query(() => String) carelessQuery(): string { return run('query'); }
  @Mutation(() => String) carelessMutation(): string { return run('mutation'); }
  @ResolveField(() => String, { nullable: true }) carelessField(): string { return run('field'); }
  @Subscription(() => String) carelessSubscription(): AsyncIterator<string> {
    run('subscription');
    return (async function* () { yield 'never'; })();
  }
}

@Module({ controllers: [CarelessController], providers: [CarelessResolver] })
class CarelessModule {}

describe('handlers that declare no permission', () => {
  let server: TestDatabase;
  let database: Database;
  let app: NestFastifyApplication;
  let client: HttpClient;
  beforeAll(async () => {
    server = await createTestDatabase();
    const config = loadConfig(testEnvironment(server.url));
    database = new Database({ url: server.url, poolSize: 2 });
    await database.open();
    const whole = { module: class Whole {}, imports: [AppModule.forProcess(config, database), CarelessModule] };
    app = await NestFactory.create<NestFastifyApplication>(whole, buildHttpAdapter(), { logger: new NestLogger(), abortOnError: false, bodyParser: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    client = new HttpClient(await app.getUrl(), await mintToken({ roles: ['operator'] }));
  });
  afterAll(async () => {
    await app.close();
    await database.close();
    await server.drop();
  });

  it('are found by the walk, of whichever kind they are', () => {
    const bare = handlersOf(app).filter(({ requirement }) => !requirement).map(({ kind, name, method }) => [kind, name, method]);
    expect(bare.sort()).toEqual([
      ['field', 'carelessField', 'CarelessResolver.carelessField'],
      ['mutation', 'carelessMutation', 'CarelessResolver.carelessMutation'],
      ['query', 'carelessQuery', 'CarelessResolver.carelessQuery'],
      ['route', 'GET /v1/careless', 'CarelessController.read'],
      ['route', 'POST /v1/careless', 'CarelessController.write'],
      ['subscription', 'carelessSubscription', 'CarelessResolver.carelessSubscription'],
    ]);
  });

  it('are closed to everybody, operators too, and never run', async () => {
    for (const by of [client, new HttpClient(client.url)]) {
      expect((await by.get('/v1/careless')).body).toMatchObject({ status: 500, code: 'INTERNAL' });
      expect((await by.post('/v1/careless', {})).body).toMatchObject({ status: 500, code: 'INTERNAL' });
    }
    for (const document of ['{ carelessQuery }', 'mutation { carelessMutation }']) {
      const { body } = await client.graphql(document);
      expect([body.data, body.errors.map((error: { extensions: { code: string } }) => error.extensions.code)]).toEqual([null, ['INTERNAL']]);
    }
    const field = await client.graphql('{ careful { name carelessField } }');
    expect(field.body).toMatchObject({ data: { careful: { name: 'careful', carelessField: null } }, errors: [{ path: ['careful', 'carelessField'], extensions: { code: 'INTERNAL' } }] });
    const request = { id: 'r1', headers: { authorization: `Bearer ${client.token}` } };
    const stream = await subscribe({ schema: schemaOf(app), document: parse('subscription { carelessSubscription }'), contextValue: { req: request } }) as ExecutionResult;
    expect(stream.errors?.map(({ extensions }) => extensions.code)).toEqual(['INTERNAL']);
    expect(ran).toEqual([]);
  });
});
