import { DefaultNamingStrategy } from 'typeorm';

/** `createdAt` in entities is `created_at` in Postgres. */
export class SnakeNaming extends DefaultNamingStrategy {
  override columnName(property: string, custom: string): string {
    return custom || property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}
