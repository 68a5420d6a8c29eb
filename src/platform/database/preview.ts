import type { Context } from '../context/context.js';
import type { Database } from './database.js';

class Rollback extends Error {
  constructor(readonly result: unknown) {
    super('rolled back on purpose');
  }
}

/** Runs `work` as it would run, answers what it answers, and takes every row back (validateOnly). */
export async function preview<T>(database: Database, context: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await database.transaction(context, async () => {
      throw new Rollback(await work());
    });
  } catch (error) {
    if (error instanceof Rollback) return error.result as T;
    throw error;
  }
}
