import type { IncomingMessage } from 'node:http';
import type { AuthenticationMode } from '../../contract/function-resource.js';
import type { GatewayResponse } from './gateway-response.js';
import type { ScannedHeaders } from './request-headers.policy.js';

/** What an exchange starts from: an admitted request. */
export interface AdmittedRequest {
  request: IncomingMessage;
  response: GatewayResponse;
  headers: ScannedHeaders;
  requestId: string;
  path: string;
  expectsContinue: boolean;
  startedAt: number;
  /** Of the address that was asked. */
  authentication: AuthenticationMode;
  maxBodyBytes: number;
  /** Longest wait for the answer, where it is shorter than the function's own; `Infinity` otherwise. */
  timeoutMs: number;
}
