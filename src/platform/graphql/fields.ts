import { applyDecorators } from '@nestjs/common';
import { Field, Float, Int, registerEnumType, type ReturnTypeFunc } from '@nestjs/graphql';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsInt, IsNumber, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength, ValidateBy,
  ValidateIf, ValidateNested,
} from 'class-validator';
import { GraphQLISODateTime } from '@nestjs/graphql';
import { isStorable, NOT_STORABLE } from '../database/storable-text.js';
import { JsonScalar, LongScalar, StringMapScalar } from './scalars.js';

/**
 * One decorator a field gives all four: the GraphQL type, the OpenAPI 3.1 schema, the validation, the conversion.
 * `optional`: may be left out (inputs) and may be null (GraphQL outputs). `nullable`: null means "remove" in merge patches.
 */
export interface FieldOptions {
  description?: string;
  optional?: boolean;
  nullable?: boolean;
  example?: unknown;
  deprecated?: string;
}

function base(options: FieldOptions, type: ReturnTypeFunc, api: ApiPropertyOptions, validators: PropertyDecorator[]): PropertyDecorator {
  const nullable = Boolean(options.optional ?? options.nullable);
  const presence = options.nullable ? [ValidateIf((_, value) => value !== null && value !== undefined)] : options.optional ? [ValidateIf((_, value) => value !== undefined)] : [];
  return applyDecorators(
    Field(type, { nullable, description: options.description, deprecationReason: options.deprecated }),
    ApiProperty({ [(api as { type?: unknown }).type === 'object' ? 'selfRequired' : 'required']: !nullable, nullable: options.nullable, description: options.description, example: options.example, ...api } as ApiPropertyOptions),
    ...(options.nullable && !options.optional ? [IsOptional()] : []),
    ...presence, ...validators,
  ) as PropertyDecorator;
}

const Storable = (each = false): PropertyDecorator => ValidateBy({
  name: 'storable', validator: { validate: (value) => typeof value !== 'string' || isStorable(value), defaultMessage: () => `$property ${NOT_STORABLE}` },
}, { each });

export interface TextOptions extends FieldOptions {
  pattern?: RegExp;
  /** What the pattern asks for, in words. */
  patternMessage?: string;
  min?: number;
  max?: number;
  writeOnly?: boolean;
  format?: string;
}

export function TextField(options: TextOptions = {}): PropertyDecorator {
  const max = options.max ?? 255;
  return base(options, () => String, { type: String, maxLength: max, minLength: options.min, pattern: options.pattern?.source, writeOnly: options.writeOnly, format: options.format }, [
    IsString(), MaxLength(max), Storable(),
    ...(options.min ? [MinLength(options.min)] : []),
    ...(options.pattern ? [Matches(options.pattern, options.patternMessage ? { message: `$property ${options.patternMessage}` } : undefined)] : []),
  ]);
}

export interface NumberOptions extends FieldOptions {
  min?: number;
  max?: number;
}

export function IntField(options: NumberOptions = {}): PropertyDecorator {
  return base(options, () => Int, { type: 'integer', format: 'int32', minimum: options.min, maximum: options.max }, [IsInt(), Min(options.min ?? -2_147_483_648), Max(options.max ?? 2_147_483_647)]);
}

/** Counts and byte sums that may pass 2^31: a JSON number in REST, scalar `Long` in GraphQL. */
export function LongField(options: NumberOptions = {}): PropertyDecorator {
  return base(options, () => LongScalar, { type: 'integer', format: 'int64', minimum: options.min, maximum: options.max }, [IsInt()]);
}

export function FloatField(options: NumberOptions = {}): PropertyDecorator {
  return base(options, () => Float, { type: 'number', minimum: options.min, maximum: options.max }, [IsNumber(), ...(options.min === undefined ? [] : [Min(options.min)]), ...(options.max === undefined ? [] : [Max(options.max)])]);
}

export function BoolField(options: FieldOptions = {}): PropertyDecorator {
  return base(options, () => Boolean, { type: Boolean }, [IsBoolean()]);
}

/** The years that Postgres and JavaScript write alike. */
export const RFC_3339 = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

export function DateField(options: FieldOptions = {}): PropertyDecorator {
  return applyDecorators(
    base(options, () => GraphQLISODateTime, { type: String, format: 'date-time' }, [
      ValidateBy({ name: 'isDate', validator: { validate: (value) => value instanceof Date && !Number.isNaN(value.getTime()), defaultMessage: () => '$property must be an RFC 3339 date and time' } }),
    ]),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : value), { toClassOnly: true }),
  ) as PropertyDecorator;
}

const enums = new Map<string, object>();

/** A closed list of words: lower case in REST, upper case in GraphQL. `name` is the GraphQL enum's name; the same name means the same list. */
export function EnumField(name: string, values: readonly string[], options: FieldOptions & { list?: boolean; min?: number } = {}): PropertyDecorator {
  const type = graphqlEnum(name, values);
  return base(options, () => (options.list ? [type] : type) as never, { type: String, enum: [...values], enumName: name, isArray: options.list, ...(options.list ? { minItems: options.min, maxItems: values.length } : {}) } as ApiPropertyOptions, [
    IsIn([...values], { each: Boolean(options.list) }),
    ...(options.list ? [IsArray(), ArrayMinSize(options.min ?? 0), ArrayMaxSize(values.length)] : []),
  ]);
}

export function graphqlEnum(name: string, values: readonly string[]): object {
  let type = enums.get(name);
  if (!type) {
    type = Object.fromEntries(values.map((value) => [value.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_').toUpperCase(), value]));
    registerEnumType(type, { name });
    enums.set(name, type);
  }
  return type;
}

const LONGEST_ITEM = 1024;

type ClassOf<T = object> = new () => T;

export function ObjectField(type: () => ClassOf, options: FieldOptions = {}): PropertyDecorator {
  return applyDecorators(base(options, type as ReturnTypeFunc, { type: () => type() }, [IsObject(), ValidateNested()]), Type(type)) as PropertyDecorator;
}

export function ListField(type: () => ClassOf | StringConstructor, options: FieldOptions & { min?: number; max?: number; itemPattern?: RegExp } = {}): PropertyDecorator {
  const text = (type as () => unknown)() === String;
  // Swagger takes a function for a lazy type only when it is called `type`.
  const lazy = { type: () => type() };
  return applyDecorators(
    base(options, (() => [type()]) as ReturnTypeFunc, {
      ...(text ? { type: 'array', items: { type: 'string', maxLength: LONGEST_ITEM, pattern: options.itemPattern?.source } } : { type: lazy.type, isArray: true }), minItems: options.min, maxItems: options.max ?? 100,
    } as ApiPropertyOptions, [
      IsArray(), ArrayMaxSize(options.max ?? 100), ...(options.min ? [ArrayMinSize(options.min)] : []),
      ...(text ? [IsString({ each: true }), MaxLength(LONGEST_ITEM, { each: true }), Storable(true), ...(options.itemPattern ? [Matches(options.itemPattern, { each: true })] : [])] : [ValidateNested({ each: true })]),
    ]),
    ...(text ? [] : [Type(type as () => ClassOf)]),
  ) as PropertyDecorator;
}

export interface MapOptions extends FieldOptions {
  keyPattern: RegExp;
  /** What the document says of the names, where the domain asks for more than `keyPattern`. */
  names?: { pattern: string; maxLength?: number };
  maxEntries?: number;
  maxValue?: number;
  writeOnly?: boolean;
  /** Texts are judged by the domain, in its own words. */
  anyText?: boolean;
  /** Merge patches: a null value removes its key. */
  nullValues?: boolean;
}

/** An object of strings: JSON object in REST, scalar `StringMap` in GraphQL. */
export function MapField(options: MapOptions): PropertyDecorator {
  const maxEntries = options.maxEntries ?? 64;
  const maxValue = options.maxValue ?? 255;
  const problem = (value: unknown): string | undefined => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object of strings';
    const entries = Object.entries(value);
    if (entries.length > maxEntries) return `must have at most ${maxEntries} entries`;
    for (const [key, item] of entries) {
      if (!options.keyPattern.test(key) || (!options.anyText && !isStorable(key))) return `has a name that is not allowed: ${JSON.stringify(key.slice(0, 80))} (must match ${options.keyPattern.source})`;
      if (item === null && options.nullValues) continue;
      if (typeof item !== 'string') return `must hold strings only; ${JSON.stringify(key)} is none`;
      if (!options.anyText && !isStorable(item)) return `has a value that ${NOT_STORABLE}: ${JSON.stringify(key)}`;
      if (item.length > maxValue) return `has a value longer than ${maxValue} characters: ${JSON.stringify(key)}`;
    }
    return undefined;
  };
  return base(options, () => StringMapScalar, {
    type: 'object', propertyNames: options.names ?? { pattern: options.keyPattern.source }, additionalProperties: { type: options.nullValues ? ['string', 'null'] as never : 'string', maxLength: maxValue }, maxProperties: maxEntries, writeOnly: options.writeOnly,
  } as ApiPropertyOptions, [
    ValidateBy({ name: 'stringMap', validator: { validate: (value) => problem(value) === undefined, defaultMessage: (at) => `${at?.property} ${problem(at?.value) ?? ''}` } }),
  ]);
}

const FREE_FORM = Symbol('fnplane:free-form');

/** Fields of a class that hold any JSON, names that JavaScript has uses for included. */
export function freeFormFields(type: unknown): ReadonlySet<string> {
  return (typeof type === 'function' ? (Reflect.getMetadata(FREE_FORM, type.prototype as object) as Set<string> | undefined) : undefined) ?? new Set();
}

/** Any JSON value (payloads of functions). */
export function JsonField(options: FieldOptions = {}): PropertyDecorator {
  return applyDecorators(
    (target: object, property: string | symbol) => Reflect.defineMetadata(FREE_FORM, new Set([...freeFormFields(target.constructor), String(property)]), target),
    Field(() => JsonScalar, { nullable: Boolean(options.optional), description: options.description }),
    ApiProperty({ selfRequired: !options.optional, description: options.description, type: 'object', additionalProperties: true }),
    ...(options.optional ? [IsOptional()] : [ValidateBy({ name: 'present', validator: { validate: (value) => value !== undefined, defaultMessage: () => '$property must be given' } })]),
  ) as PropertyDecorator;
}
