/** Injection token of the process's checked configuration. */
export const CONFIG = Symbol('fnplane:config');
