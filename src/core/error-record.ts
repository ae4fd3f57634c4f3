/** The schema of a stored error: beside errors.ts, which imports nothing. */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from './errors.ts';

export const errorRecordSchema = z.strictObject({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  hint: z.string(),
  retryable: z.boolean(),
  line: z.int().exactOptional(),
  item: z.string().exactOptional(),
  field: z.string().exactOptional(),
  limit: z.number().exactOptional(),
});
