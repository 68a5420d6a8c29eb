/** Conditions of a statement on `entry`, and the values they speak of. */
export class EntryConditions {
  readonly values: unknown[] = [];
  private readonly parts: string[] = ['true'];

  /** @param condition with `?` where the values stand, one after the other */
  add(condition: string, ...values: unknown[]): this {
    this.parts.push(condition.replaceAll('?', () => `$${this.values.push(values.shift())}`));
    return this;
  }

  /** `column = value`, where a value is given. */
  equal(column: string, value: string | undefined): this {
    return value === undefined ? this : this.add(`entry.${column} = ?`, value);
  }

  get text(): string {
    return this.parts.join(' AND ');
  }
}
