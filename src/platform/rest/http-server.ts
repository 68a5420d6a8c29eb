import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Histogram } from 'prom-client';
import { DomainError } from '../errors/domain-error.js';
import { adaptDocumentId, GRAPHQL_PATH } from '../graphql/document-id.js';
import { partLogger, withLogContext } from '../observability/logger.js';
import { registry } from '../observability/metrics.js';
import { answerBrokenRequest } from './connection-problems.js';
import { toDomainError } from './error-translation.js';
import { parseJson } from './json-body.js';
import { sendProblem } from './problem.filter.js';
import { takesRawBody } from './raw-body.js';
import { RouteMethods } from './route-methods.js';

const log = partLogger('http');
const durations = new Histogram({ name: 'fnplane_api_request_duration_seconds', help: 'Time to answer API requests.', labelNames: ['route', 'method', 'status'], buckets: [0.005, 0.02, 0.05, 0.1, 0.5, 2, 10], registers: [registry] });

const MIB = 1024 * 1024;
/** JSON bodies: inline source is at most 256 KiB, batches stay below this too. */
const JSON_LIMIT = 8 * MIB;
/** Source archives (20 MiB) and a little for the form. */
const RAW_LIMIT = 20 * MIB + 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of a JSON body as they came, for routes that pass them on. */
    rawBody?: Buffer;
  }
}

/**
 * The Fastify under Nest: request ids, strict body parsing, problems for what fails before a handler, one log line a request.
 *
 * @param trustedProxies ranges whose X-Forwarded-* headers say who the client is.
 */
export function buildHttpAdapter(trustedProxies: readonly string[] = []): FastifyAdapter {
  const adapter = new FastifyAdapter({
    ...(trustedProxies.length > 0 ? { trustProxy: [...trustedProxies] } : {}),
    bodyLimit: RAW_LIMIT,
    requestTimeout: 120_000,
    connectionTimeout: 0,
    keepAliveTimeout: 65_000,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error: unknown, request: unknown, reply: unknown) => {
      setCommonHeaders(request as FastifyRequest, reply as FastifyReply);
      sendProblem(request as FastifyRequest, reply as FastifyReply, toDomainError(error));
    },
    clientErrorHandler: answerBrokenRequest,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  addParsers(fastify);
  addHooks(fastify, new RouteMethods(fastify));
  return adapter;
}

function addParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(/^application\/(merge-patch\+|cloudevents\+)?json($|;)/i, { parseAs: 'buffer', bodyLimit: JSON_LIMIT }, (request, body: Buffer, done) => {
    request.rawBody = body;
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, parseJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: RAW_LIMIT }, (_request, body: Buffer, done) => done(null, body));
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
}

function addHooks(fastify: FastifyInstance, methods: RouteMethods): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply);
    const allowed = request.is404 ? methods.of(request) : [];
    if (allowed.length === 0) return done();
    void reply.header('allow', allowed.join(', '));
    sendProblem(request, reply, new DomainError('method-not-allowed', 'METHOD_NOT_ALLOWED', `This address takes ${allowed.join(', ')}.`));
  });
  // After the body was read: events of its socket would otherwise carry on in another request's context.
  fastify.addHook('preValidation', (request, reply, done) => {
    if (!takesRawBody(request) && hasWrongType(request)) return sendProblem(request, reply, notJson(request.method));
    if (request.routeOptions.url === GRAPHQL_PATH) {
      if (!URL.canParse(request.url, `${request.protocol}://${request.hostname}/`)) return sendProblem(request, reply, hostInvalid());
      adaptDocumentId(request);
    }
    withLogContext({ requestId: request.id }, done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    durations.observe({ route, method: request.method, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
    log.info({ requestId: request.id, method: request.method, route, path: request.url.split('?', 1)[0], status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
    done();
  });
}

/** Apollo reads the address as a whole, and cannot with a host that is none. */
function hostInvalid(): DomainError {
  return new DomainError('malformed', 'HOST_INVALID', 'The Host header (or what a proxy forwards as it) is not the name of a host.');
}

/** Merge patches have a type of their own; plain JSON is taken for them too. */
function hasWrongType(request: FastifyRequest): boolean {
  if (Buffer.isBuffer(request.body)) return true;
  return request.rawBody !== undefined && !(request.method === 'PATCH' ? /^application\/(merge-patch\+)?json/i : /^application\/json/i).test(request.headers['content-type'] ?? '');
}

function notJson(method: string): DomainError {
  const merge = method === 'PATCH' ? 'application/merge-patch+json or ' : '';
  return new DomainError('unsupported-media', 'BODY_NOT_JSON', `The body must be JSON: send it with Content-Type ${merge}application/json.`);
}
