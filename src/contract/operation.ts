// One operation of the management API: where it is, what it takes, what it answers. The input is one strict object:
// what the path names in braces comes from the path, the rest from the query of GET and DELETE, and from the JSON body
// of the others.
import type { z } from 'zod'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Operation<
  M extends Method = Method,
  P extends string = string,
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
> {
  readonly method: M
  /** Below /api/v1, as in `/teams/{name}`; `{name...}` at the end takes the rest of the path with its slashes. */
  readonly path: P
  readonly summary: string
  /** More than the summary says, in whole sentences. */
  readonly description?: string
  readonly input: I
  readonly output: O
  /** 204 has no output. */
  readonly status: 200 | 201 | 204
  /** It is about one thing that has an entity tag: answers carry it as ETag, and If-Match is honoured. */
  readonly versioned?: true
  /** It answers with text of one of these media types, as long as there is some, and no JSON: `output` is a string. */
  readonly streamed?: readonly string[]
}

export function operation<
  const M extends Method,
  const P extends string,
  I extends z.ZodObject,
  O extends z.ZodType,
>(definition: Operation<M, P, I, O>): Operation<M, P, I, O> {
  return definition
}

export interface PathParameter {
  readonly name: string
  /** It takes the rest of the path. */
  readonly rest: boolean
}

/** Of `/teams/{name}/members/{user}`: both names, in order. */
export function pathParameters(path: string): readonly PathParameter[] {
  return Array.from(path.matchAll(/\{([A-Za-z]+)(\.\.\.)?\}/g), ([, name = '', dots]) => ({
    name,
    rest: dots !== undefined,
  }))
}

/** Whether what is not in the path stands in the query; otherwise it is the body. */
export function hasQuery(method: Method): boolean {
  return method === 'GET' || method === 'DELETE'
}
