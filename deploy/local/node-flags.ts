/**
 * How Node runs the platform, wherever it is started from here; the Dockerfile and `npm start` say the same. V8's young generation is bounded: left to
 * itself it takes a hundred MiB more for the same work.
 */
export const NODE_FLAGS: readonly string[] = ['--enable-source-maps', '--max-semi-space-size=16'];
