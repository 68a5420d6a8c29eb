import 'reflect-metadata';
import '../../src/app.module.js';
import { Database } from '../../src/platform/database/database.js';
import { createTemplate } from './postgres.js';

/** Migrates the template database that every test database is cloned from. */
export async function prepareTemplate(): Promise<void> {
  await createTemplate(async (url) => {
    const database = new Database({ url, poolSize: 2 });
    await database.open();
    await database.migrate();
    await database.close();
  });
}
