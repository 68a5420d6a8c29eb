export const FUNCTION_STATES = ['active', 'deleting'] as const;
export type FunctionState = (typeof FUNCTION_STATES)[number];

/** A revision's way to its image. */
export const BUILD_STATES = ['pending', 'built', 'failed'] as const;
export type BuildState = (typeof BUILD_STATES)[number];
