/**
 * The OpenAPI 3.1 document, from tables in which every route says what it takes and answers. Schemas are those that requests
 * are checked with; a test holds the tables and express's routes together.
 */
import { z } from 'zod';
import { type ErrorCode, ERRORS, NarratorError } from '../core/errors.ts';
import type { Scope } from './auth.ts';
import { statusOf } from './problem.ts';

export type Tag = 'Jobs' | 'Items' | 'Voices' | 'Speech' | 'Service';

export interface DocumentedRoute {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** as OpenAPI writes it: '/v1/jobs/{id}' */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** absent: answers without a key */
  readonly scope?: Scope;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** one for each content type that is taken */
  readonly bodies?: readonly Body[];
  /** by status */
  readonly answers: Readonly<Record<number, Answer>>;
  /** beside those of keys, rate and form, which are added where they apply */
  readonly errors?: readonly ErrorCode[];
  readonly errorForm?: 'problem' | 'openai';
}

export interface Body {
  readonly type: string;
  /** absent: bytes */
  readonly schema?: z.ZodType;
  /** of the schema, if it is to stand under components */
  readonly name?: string;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  readonly bodies?: readonly Body[];
  /** name and meaning */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Gives a table its type where it stands. */
export function documentRoutes(routes: readonly DocumentedRoute[]): readonly DocumentedRoute[] {
  return routes;
}

/** What `{name}` in a path means. */
const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  id: 'the id of the job, or of the voice',
  item: 'the id of the item, as the manifest has it',
};

const KEY_ERRORS: readonly ErrorCode[] = ['api_key_missing', 'api_key_invalid', 'scope_missing', 'too_many_requests'];

const problemSchema = z.object({
  type: z.string().describe('urn:f5-narrator:error: and the code'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('what is wrong, with the field, the limit and what was found'),
  hint: z.string().describe('what to do about it'),
  retryable: z.boolean().describe('whether the same request may succeed later'),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  field: z.string().optional(),
  line: z.int().optional().describe('of the manifest, from 1'),
  item: z.string().optional(),
  limit: z.number().optional(),
  instance: z.string().describe("the request's id: x-request-id"),
});
const openAiErrorSchema = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
});
const PROBLEM: Body = { type: 'application/problem+json', name: 'Problem', schema: problemSchema };
const OPENAI_ERROR: Body = { type: 'application/json', name: 'OpenAiError', schema: openAiErrorSchema };

export function openApiDocument(routes: readonly DocumentedRoute[], { version }: { readonly version: string }): object {
  const schemas = new Schemas(routes);
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operation(route, schemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'f5-narrator',
      version,
      description: 'Bulk narration with F5-TTS: texts in, WAV files out.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key: `narrator keys create` makes one.' },
        header: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
  };
}

function operation(route: DocumentedRoute, schemas: Schemas): object {
  const { method, path, tag, summary, description, scope, query, headers, bodies, answers } = route;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
      name,
      in: 'path',
      required: true,
      description: PATH_PARAMETERS[name],
      schema: { type: 'string' },
    })),
    ...parametersOf('query', query),
    ...parametersOf('header', headers),
  ];
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    description: [description, scope && `Needs a key with the scope \`${scope}\`.`].filter(Boolean).join('\n\n'),
    ...(parameters.length > 0 && { parameters }),
    ...(bodies && { requestBody: { required: true, content: schemas.content(bodies, 'input') } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(answer, schemas)])),
      ...problems(route, schemas),
    },
    security: scope === undefined ? [] : [{ bearer: [] }, { header: [] }],
  };
}

/** get /v1/jobs/{id}/items -> get-jobs-id-items */
function operationId(method: string, path: string): string {
  return [method, ...(path.replace(/^\/v1/, '').match(/\w+/g) ?? [])].join('-');
}

function response({ description, bodies, headers }: Answer, schemas: Schemas): object {
  return {
    description,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, meaning]) => [name, { description: meaning, schema: { type: 'string' } }]),
      ),
    }),
    ...(bodies && { content: schemas.content(bodies, 'output') }),
  };
}

/** One answer a status, with the codes that it may have. */
function problems(route: DocumentedRoute, schemas: Schemas): Record<string, object> {
  const { scope, bodies, query, errors = [], errorForm } = route;
  const codes = new Set<ErrorCode>([
    ...(bodies || query ? (['request_invalid'] as const) : []),
    ...(scope === undefined ? [] : KEY_ERRORS),
    ...errors,
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = statusOf(new NarratorError(code, ''));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = schemas.content([errorForm === 'openai' ? OPENAI_ERROR : PROBLEM], 'output');
  return Object.fromEntries(
    [...byStatus].map(([status, these]) => [
      status,
      { description: these.map((code) => `\`${code}\`: ${ERRORS[code].hint}`).join('\n\n'), content },
    ]),
  );
}

function parametersOf(place: 'query' | 'header', schema: z.ZodObject | undefined): object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...type }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema: type,
  }));
}

type Direction = 'input' | 'output';

const CONVERSION = { target: 'draft-2020-12', unrepresentable: 'any' } as const;

function jsonSchema(schema: z.ZodType, io: Direction): object {
  const { $schema: _version, ...rest } = z.toJSONSchema(schema, { ...CONVERSION, io });
  return rest;
}

/** Named schemas stand under components, and are referred to wherever they occur, inside one another too. */
class Schemas {
  readonly #names = new Map<z.ZodType, string>();
  readonly components: Readonly<Record<string, object>>;

  constructor(routes: readonly DocumentedRoute[]) {
    const requests = routes.flatMap(({ bodies = [] }) => bodies);
    const answers = routes.flatMap((route) => Object.values(route.answers).flatMap(({ bodies = [] }) => bodies));
    const [inputs, outputs] = [
      this.#convert(requests, 'input'),
      this.#convert([...answers, PROBLEM, OPENAI_ERROR], 'output'),
    ];
    const twice = Object.keys(inputs).find((name) => name in outputs);
    if (twice !== undefined) throw new Error(`The schema ${twice} is documented for requests and for answers.`);
    this.components = { ...inputs, ...outputs };
  }

  content(bodies: readonly Body[], io: Direction): object {
    return Object.fromEntries(
      bodies.map(({ type, schema, example }) => [
        type,
        { ...(schema && { schema: this.#reference(schema, io) }), ...(example !== undefined && { example }) },
      ]),
    );
  }

  #reference(schema: z.ZodType, io: Direction): object {
    const name = this.#names.get(schema);
    return name === undefined ? jsonSchema(schema, io) : { $ref: place(name) };
  }

  #convert(bodies: readonly Body[], io: Direction): Record<string, object> {
    const registry = z.registry<{ id: string }>();
    for (const { name, schema } of bodies) {
      if (name === undefined || schema === undefined || registry.has(schema)) continue;
      registry.add(schema, { id: name });
      this.#names.set(schema, name);
    }
    const { schemas } = z.toJSONSchema(registry, { ...CONVERSION, io, uri: place });
    return Object.fromEntries(
      Object.entries(schemas).map(([name, { $schema: _version, $id: _id, ...schema }]) => [name, schema]),
    );
  }
}

const place = (name: string) => `#/components/schemas/${name}`;
