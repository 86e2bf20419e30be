import type { Call } from "./answer.ts";
import { firstValue, GoJsonError } from "./go-json.ts";
import { decode, type Shape } from "./go-json-shapes.ts";

/** The first JSON value of a body as the shape reads it; what it says when it cannot goes to `refused`. */
export function decodeBody<T>(
  call: Call,
  shape: Shape<T>,
  into?: T,
): { readonly value: T } | { readonly error: string } {
  try {
    return { value: decode(firstValue(call.body), shape, into) };
  } catch (error) {
    if (error instanceof GoJsonError) return { error: error.message };
    throw error;
  }
}

/** The same for routes that tell the client nothing but that it was not JSON: undefined then. */
export function readBody<T>(call: Call, shape: Shape<T>): T | undefined {
  const read = decodeBody(call, shape);
  return "value" in read ? read.value : undefined;
}
