import type { IncomingMessage } from 'node:http';
import { rewrittenPath, type HttpTriggerSpec, type TriggerJwtSpec } from '../../contract/triggers.js';
import type { Verdict } from '../auth/authenticator.js';
import type { RouteLimiter, RouteShortage } from '../limits/route-limiter.js';
import type { Shortage } from '../limits/tenant-limits.js';
import type { RefusalCode } from '../refusals.policy.js';
import type { FunctionRoute } from '../routing/function-route.js';
import type { Lane } from '../routing/lane.js';
import type { Claim } from '../routing/host-claims.js';
import { allowedMethods } from '../routing/trigger-table.js';
import type { AdmittedRequest } from './admitted-request.js';
import { pathOf, readAddress, type Address } from './address.policy.js';
import { corsAnswer } from './cors.policy.js';
import type { DataPath } from './data-path.js';
import { Exchange } from './exchange.js';
import { clientAddress } from './forward-headers.policy.js';
import type { GatewayResponse } from './gateway-response.js';
import { newRequestId } from './identifiers.js';
import { isRequestId, scanRequestHeaders, type ScannedHeaders } from './request-headers.policy.js';
import { writeRefusal, type RefusalExtras } from './write-refusal.js';

/** A request that was read and whose address is known, before it is decided whether it may pass. */
interface Arrival extends AdmittedRequest {
  /** The one of the function's addresses that was asked; undefined where there is no function. */
  lane: Lane | undefined;
  limiter: RouteLimiter | undefined;
  /** Whose tokens are asked for, in place of a credential of the platform. */
  jwt: TriggerJwtSpec | undefined;
}

/** The function at an address, as it is asked for there. */
interface Destination extends Pick<Arrival, 'path' | 'lane' | 'authentication' | 'limiter' | 'jwt' | 'maxBodyBytes' | 'timeoutMs'> {
  route: FunctionRoute | undefined;
}

const REFUSED_VERDICT: Record<Exclude<Verdict, 'allowed'>, RefusalCode> = {
  foreign: 'FUNCTION_NOT_FOUND',
  insufficient: 'TOKEN_CLAIMS_INSUFFICIENT',
  missing: 'AUTHENTICATION_REQUIRED',
  invalid: 'CREDENTIAL_INVALID',
  unavailable: 'AUTHENTICATION_UNAVAILABLE',
};

const ALLOWED: Record<Shortage['limit'], string> = {
  second: 'invocations per second, and they are used up',
  minute: 'invocations per minute, and they are used up',
  concurrent: 'concurrent invocations, and as many are under way',
};

function shortageExtras({ limit, allowed, waitMs }: Shortage): RefusalExtras {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const detail = `The tenant's quota allows ${allowed} ${ALLOWED[limit]}; try again in ${retryAfterSeconds} s.`;
  return { detail, retryAfterSeconds, rateLimit: limit === 'concurrent' ? undefined : allowed };
}

function routeShortageExtras({ of, perSecond, waitMs }: RouteShortage): RefusalExtras {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return { detail: `This address takes ${perSecond} requests per second${of === 'caller' ? ' of one caller' : ''}; try again in ${retryAfterSeconds} s.`, retryAfterSeconds, rateLimit: perSecond };
}

/** The credential where one was asked for: it is verified by now. Anybody may write any into a request to a public address, so there it is where it comes from. */
function callerOf({ authentication, jwt, headers, request }: Arrival, trustForwarded: boolean): string {
  if (jwt) return headers.authorization!;
  const credential = authentication === 'none' ? undefined : headers.apiKey ?? headers.authorization;
  return credential ?? clientAddress(headers, request.socket.remoteAddress, trustForwarded);
}

/** Reads requests and decides which may pass: address, credential, suspension, spending, the tenant's limits, room. Those that may become exchanges. */
export class Intake {
  constructor(private readonly path: DataPath) {}

  handle(request: IncomingMessage, response: GatewayResponse, expectsContinue: boolean): void {
    const startedAt = performance.now();
    const headers = scanRequestHeaders(request.rawHeaders);
    const requestId = headers.requestId !== undefined && isRequestId(headers.requestId) ? headers.requestId : newRequestId();
    const malformed = this.malformed(request, headers);
    if (malformed) return this.refuse(request, response, malformed, requestId, headers.problem === undefined ? {} : { detail: `The request has ${headers.problem}.` });
    const target = request.url!;
    // The platform's own calls name a function; no trigger of a host may come between.
    const address = readAddress(target, headers.host, this.path.hostSuffix, headers.internal === undefined ? this.path.table.triggers : undefined);
    if (address === 'malformed') return this.refuse(request, response, 'REQUEST_MALFORMED', requestId, { detail: 'The request target is not one that is read the same everywhere.' });
    if (address === 'unknown') return this.refuse(request, response, 'FUNCTION_NOT_FOUND', requestId);
    if ('triggered' in address && this.isAnsweredHere(address.triggered, request, response, requestId)) return;
    const { route, ...destination } = 'triggered' in address ? this.ofTrigger(address.triggered, address.target) : this.ofName(address);
    const arrival: Arrival = { request, response, headers, requestId, expectsContinue, startedAt, ...destination };
    if (route && arrival.authentication === 'none' && !arrival.jwt && headers.internal === undefined) return this.admit(arrival, route, 'allowed');
    const verdict = arrival.jwt ? this.path.triggerTokens.check(arrival.jwt, headers) : this.path.authenticator.check(route?.tenant, headers, request.method!, target);
    if (typeof verdict === 'string') return this.admit(arrival, route, verdict);
    verdict.then((decided) => {
      if (!response.destroyed && !request.destroyed) this.admit(arrival, route, decided);
    }).catch((error: unknown) => this.fail(arrival, error));
  }

  /** What no function is asked for: preflights, and methods that the trigger does not take. */
  private isAnsweredHere(claim: Claim, request: IncomingMessage, response: GatewayResponse, requestId: string): boolean {
    if (this.isPreflight(request, response, claim.trigger)) {
      this.answerPreflight(response);
      return true;
    }
    if (claim.methods?.has(request.method!) !== false) return false;
    this.refuse(request, response, 'METHOD_NOT_ALLOWED', requestId, { allow: allowedMethods(claim), detail: `This address takes ${allowedMethods(claim)}.` });
    return true;
  }

  /** Of addresses with CORS rules: what they say goes with the answer, whatever it will be. */
  private isPreflight(request: IncomingMessage, response: GatewayResponse, { methods, cors }: HttpTriggerSpec): boolean {
    if (cors === undefined) return false;
    const { origin, 'access-control-request-method': wantedMethod, 'access-control-request-headers': wantedHeaders } = request.headers;
    const answer = corsAnswer({ cors, ...(methods ? { methods } : {}) }, { method: request.method!, origin, wantedMethod, wantedHeaders });
    response.crossOrigin = answer.fields;
    return answer.isPreflight;
  }

  /** Browsers send no credential with it, and nothing of it is the function's to do: it costs no invocation. */
  private answerPreflight(response: GatewayResponse): void {
    if (this.path.draining) response.shouldKeepAlive = false;
    response.writeHead(204, [...(response.crossOrigin ?? [])]).end();
  }

  /** A function's own name comes first, so that no tag can stand before it. */
  private ofName({ key, path }: Address): Destination {
    const { table, limits: { maxBodyBytes } } = this.path;
    const bounds = { maxBodyBytes, timeoutMs: Number.POSITIVE_INFINITY, limiter: undefined, jwt: undefined };
    const route = table.find(key);
    if (route) return { route, lane: route.main, path, authentication: route.authentication, ...bounds };
    const tagged = table.findTagged(key);
    return { route: tagged?.route, lane: tagged?.lane, path, authentication: tagged?.route.authentication ?? 'required', ...bounds };
  }

  private ofTrigger({ trigger, route, limiter }: Claim, target: string): Destination {
    const { limits = {} } = trigger;
    const jwt = trigger.authentication === 'jwt' ? trigger.jwt : undefined;
    const path = pathOf(target);
    return {
      route, lane: route.main, path: rewrittenPath(trigger, path) + target.slice(path.length), limiter,
      // A token of the tenant's own issuer is for the function, too.
      authentication: trigger.authentication === 'public' || jwt ? 'none' : 'required', jwt,
      maxBodyBytes: Math.min(limits.maxBodyBytes ?? Number.POSITIVE_INFINITY, this.path.limits.maxBodyBytes),
      timeoutMs: (limits.timeoutSeconds ?? Number.POSITIVE_INFINITY) * 1000,
    };
  }

  private malformed(request: IncomingMessage, headers: ScannedHeaders): RefusalCode | undefined {
    if (request.rawHeaders.length > 2 * this.path.limits.maxHeaders) return 'HEADERS_TOO_LARGE';
    if (headers.problem !== undefined || (headers.chunked && request.httpVersionMinor === 0)) return 'REQUEST_MALFORMED';
    return request.method === 'TRACE' || request.method === 'CONNECT' ? 'METHOD_NOT_ALLOWED' : undefined;
  }

  /**
   * A function that is not there and one the caller may not see are answered alike: 404 to whoever showed a good
   * credential, 401 to everybody else, so that names cannot be guessed from outside.
   */
  private admit(arrival: Arrival, route: FunctionRoute | undefined, verdict: Verdict): void {
    const { request, response, headers, requestId } = arrival;
    if (verdict !== 'allowed') return this.refuse(request, response, REFUSED_VERDICT[verdict], requestId, verdict === 'unavailable' ? { retryAfterSeconds: 5 } : {});
    if (!route) return this.refuse(request, response, 'FUNCTION_NOT_FOUND', requestId);
    if (route.suspension !== 'none') return this.refuseKnown(arrival, route, 'FUNCTION_SUSPENDED');
    if (route.tenant.access?.spendLimitReached) return this.refuseKnown(arrival, route, 'SPEND_LIMIT_REACHED');
    if (headers.contentLength > arrival.maxBodyBytes) return this.refuseKnown(arrival, route, 'PAYLOAD_TOO_LARGE');
    // The address's own first: what it holds back takes nothing from the tenant's other functions.
    const beyond = arrival.limiter?.shortage(arrival.limiter.knowsCallers ? callerOf(arrival, this.path.trustForwarded) : undefined, arrival.startedAt);
    if (beyond) return this.refuseKnown(arrival, route, 'RATE_LIMITED', routeShortageExtras(beyond));
    const shortage = route.tenant.limits.shortage(arrival.startedAt);
    if (shortage) return this.refuseKnown(arrival, route, shortage.limit === 'concurrent' ? 'CONCURRENCY_LIMITED' : 'RATE_LIMITED', shortageExtras(shortage));
    if (!this.path.share.admit(route)) return this.refuseKnown(arrival, route, 'GATEWAY_OVERLOADED', { retryAfterSeconds: 1 });
    route.tenant.limits.enter();
    new Exchange(this.path, route, arrival.lane ?? route.main, arrival).begin();
  }

  private refuse(request: IncomingMessage, response: GatewayResponse, code: RefusalCode, requestId: string, extras?: RefusalExtras): void {
    if (this.path.draining) response.shouldKeepAlive = false;
    this.path.metrics.countRefusal(code);
    writeRefusal(request, response, code, requestId, extras);
  }

  private refuseKnown(arrival: Arrival, route: FunctionRoute, code: RefusalCode, extras?: RefusalExtras): void {
    this.refuse(arrival.request, arrival.response, code, arrival.requestId, extras);
    route.counters.count(arrival.response.statusCode, performance.now() - arrival.startedAt);
    route.load.series.countRefusal(arrival.response.statusCode);
  }

  private fail(arrival: Arrival, error: unknown): void {
    this.path.log.error({ err: error, requestId: arrival.requestId }, 'a request could not be handled');
    this.refuse(arrival.request, arrival.response, 'GATEWAY_ERROR', arrival.requestId);
  }
}
