import { ANY, HTTP_METHODS, type CorsSpec, type HttpTriggerSpec } from '../../contract/triggers.js';

/** The fields of a request that the CORS protocol is about (Fetch standard, 3.2). */
export interface CorsRequest {
  method: string;
  origin: string | undefined;
  /** `Access-Control-Request-Method`: with it an OPTIONS request of another origin is a preflight. */
  wantedMethod: string | undefined;
  /** `Access-Control-Request-Headers`. */
  wantedHeaders: string | undefined;
}

/** What goes with every answer to a page of another origin, as a flat name/value list; and whether the request is answered by that alone. */
export interface CorsAnswer {
  fields: readonly string[];
  isPreflight: boolean;
}

/** Field names of a request; anything else is not repeated. */
const FIELD_NAMES = /^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,100}(?:[ \t]*,[ \t]*[-!#$%&'*+.^_`|~0-9A-Za-z]{1,100}){0,63}$/;
const VARY_PREFLIGHT = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

/** An origin that is not allowed gets an answer without permission, by which its browser keeps the answer from the page. */
export function corsAnswer(trigger: Pick<HttpTriggerSpec, 'methods'> & { cors: CorsSpec }, request: CorsRequest): CorsAnswer {
  const { cors } = trigger;
  const isPreflight = request.method === 'OPTIONS' && request.origin !== undefined && request.wantedMethod !== undefined;
  const allowed = allowedOrigin(cors, request.origin);
  const fields = allowed === undefined ? [] : ['access-control-allow-origin', allowed, ...(cors.allowCredentials ? ['access-control-allow-credentials', 'true'] : [])];
  if (isPreflight) return { isPreflight, fields: [...fields, ...(allowed === undefined ? [] : permissions(trigger, request)), 'vary', VARY_PREFLIGHT] };
  const exposed = allowed === undefined || !cors.exposeHeaders ? [] : ['access-control-expose-headers', cors.exposeHeaders.join(', ')];
  // The same answer for every origin may be kept for all of them.
  return { isPreflight, fields: [...fields, ...exposed, ...(cors.allowOrigins[0] === ANY ? [] : ['vary', 'Origin'])] };
}

function allowedOrigin({ allowOrigins }: CorsSpec, origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (allowOrigins[0] === ANY) return ANY;
  return allowOrigins.includes(origin) ? origin : undefined;
}

function permissions({ methods, cors }: Pick<HttpTriggerSpec, 'methods'> & { cors: CorsSpec }, { wantedHeaders }: CorsRequest): string[] {
  const headers = cors.allowHeaders?.[0] === ANY ? wantedHeaders : cors.allowHeaders?.join(', ');
  return [
    'access-control-allow-methods', (cors.allowMethods ?? methods ?? HTTP_METHODS).join(', '),
    ...(headers !== undefined && FIELD_NAMES.test(headers) ? ['access-control-allow-headers', headers] : []),
    ...(cors.maxAgeSeconds === undefined ? [] : ['access-control-max-age', String(cors.maxAgeSeconds)]),
  ];
}
