/** The request cannot become an event: answered with `status` by the platform, the handler does not run. */
export class RefusedRequest extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}
