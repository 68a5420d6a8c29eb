import { ObjectType } from '@nestjs/graphql';
import { DateField, EnumField, ListField, TextField } from '../../../platform/graphql/fields.js';
import { METERS, type Meter } from '../meters.js';

@ObjectType('InvoiceLine')
export class InvoiceLineModel {
  @EnumField('Meter', METERS) meter!: Meter;
  @TextField({ description: 'All that was used, as an exact decimal number.' }) quantity!: string;
  @TextField({ description: 'The part the plan gives free.' }) freeQuantity!: string;
  @TextField() billableQuantity!: string;
  @TextField({ description: 'Price of `per` units.' }) unitAmount!: string;
  @TextField() per!: string;
  @TextField({ description: 'Rounded half up to the minor unit of the currency.' }) amount!: string;
}

@ObjectType('InvoicePreview', { description: 'What a month would be billed at, by the usage booked so far.' })
export class InvoicePreviewModel {
  @TextField({ example: '2026-11' }) period!: string;
  @TextField() timeZone!: string;
  @DateField({ description: 'Inclusive.' }) from!: Date;
  @DateField({ description: 'Exclusive.' }) to!: Date;
  @TextField() plan!: string;
  @TextField({ description: 'ISO 4217.' }) currency!: string;
  @ListField(() => InvoiceLineModel) lines!: InvoiceLineModel[];
  @TextField({ description: 'The sum of the lines.' }) total!: string;
}

@ObjectType('Price')
export class PriceModel {
  @EnumField('Meter', METERS) meter!: Meter;
  @TextField({ description: 'Price of `per` units.' }) unitAmount!: string;
  @TextField() per!: string;
  @TextField({ description: 'Units a month that cost nothing.' }) freeAllowance!: string;
}

@ObjectType('PriceList')
export class PriceListModel {
  @TextField() plan!: string;
  @TextField({ description: 'ISO 4217.' }) currency!: string;
  @ListField(() => PriceModel) prices!: PriceModel[];
}
