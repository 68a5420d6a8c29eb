import { RouteConfig } from '@nestjs/platform-fastify';

/** For routes that take bytes of any content type: `request.body` is a Buffer, or for JSON the value with its bytes in `request.rawBody`. */
export function RawBody() {
  return RouteConfig({ rawBody: true });
}
