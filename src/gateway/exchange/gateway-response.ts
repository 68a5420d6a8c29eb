import { ServerResponse } from 'node:http';
import type { UpgradedConnection } from './tunnel.js';

/** Who wants to know what happens to a response. */
export interface ResponseOwner {
  /** The connection takes more data again. */
  onDrain(): void;
  /** The answer was delivered, or the caller has left. */
  onClose(): void;
}

/** A response that leads back to its exchange, so that one listener function serves all requests. */
export class GatewayResponse extends ServerResponse {
  owner: ResponseOwner | undefined = undefined;
  /** What goes with the answer, whoever gives it, by the CORS rules of the trigger that was asked; undefined where there are none. */
  crossOrigin: readonly string[] | undefined = undefined;
  /** Of a request for a WebSocket: the caller's connection. */
  upgraded: UpgradedConnection | undefined = undefined;
}

export function notifyDrain(this: GatewayResponse): void {
  this.owner?.onDrain();
}

export function notifyClose(this: GatewayResponse): void {
  this.owner?.onClose();
}
