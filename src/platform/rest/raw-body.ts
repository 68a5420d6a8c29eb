import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/** For routes that take bytes of any content type: `request.body` is a Buffer, or for JSON the value with its bytes in `request.rawBody`. */
export function RawBody() {
  return RouteConfig({ rawBody: true });
}

/** Whether the request's route is one of those. */
export function takesRawBody(request: FastifyRequest): boolean {
  return (request.routeOptions.config as { rawBody?: boolean }).rawBody === true;
}

/** The body of such a request byte by byte; undefined where it has none. */
export function rawBodyOf(request: FastifyRequest): Buffer | undefined {
  return request.rawBody ?? (Buffer.isBuffer(request.body) ? request.body : undefined);
}
