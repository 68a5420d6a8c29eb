import { ServerResponse } from 'node:http';

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
}

export function notifyDrain(this: GatewayResponse): void {
  this.owner?.onDrain();
}

export function notifyClose(this: GatewayResponse): void {
  this.owner?.onClose();
}
