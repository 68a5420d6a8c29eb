/** `superseded`: a later change of the same target took its place before it ended. */
export const OPERATION_STATES = ['running', 'succeeded', 'failed', 'superseded'] as const;
export type OperationState = (typeof OPERATION_STATES)[number];
