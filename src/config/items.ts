/** Readers of the texts that have their own rules: items of lists, the realm, a header name. */
import { storedKinds } from "../core/stored-lists.ts";
import { cidr, type ItemReader, quote } from "./fields.ts";

/** As the reader, and "" for none. */
export function orNone(reader: ItemReader): ItemReader {
  return (text) => (text === "" ? ok(text) : reader(text));
}

/** A realm stands unescaped between quotes in WWW-Authenticate. */
export const realm: ItemReader = (text) =>
  /["\\]|[^\x20-\x7e]/.test(text) ? no(`must be plain ASCII without " and \\`) : ok(text);

/** A name to log in with: basic authentication ends it at a colon, and InfluxDB's subscriptions log in as ~subscriber. */
export const loginName: ItemReader = (text) => {
  if (text.includes(":")) return no("must not hold a colon: basic authentication ends the name there");
  return text.startsWith("~") ? no("must not begin with ~: InfluxDB's subscriptions log in that way") : ok(text);
};

/** A name of something else in this file or in Kapacitor: any text that is not empty. */
export const plainName: ItemReader = (text) => (text.trim() === text && text !== "" ? ok(text) : no("must be a name"));

/** A cipher suite; the TLS module knows which there are. */
export const cipherName: ItemReader = (text) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text) ? ok(text) : no(`${quote(text)} is not the name of a cipher suite`);

/** The name of an alert handler in any spelling; the registry of handlers knows which there are. */
export const handlerName: ItemReader = (text) =>
  /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(text) ? ok(text) : no(`${quote(text)} is not the name of an alert handler`);

/** A range that alerts may not reach: a CIDR, or Kapacitor's word `private`. */
export const targetRange: ItemReader = (text) => (text === "private" ? ok(text) : cidr(text));

/** A stored object, as `kapgate audit` names it. */
export const acceptedObject: ItemReader = (text) => {
  if (!/^[a-z][a-z-]*:\S/.test(text)) return no(`${quote(text)} must be kind:name, for example "task:cleanup"`);
  const kind = text.slice(0, text.indexOf(":"));
  return storedKinds.some((known) => known === kind)
    ? ok(text)
    : no(`${quote(text)} must begin with ${storedKinds.map((known) => `${known}:`).join(", ")}`);
};

/** Headers that carry the request itself or that the gateway sets. */
const taken =
  /^(?:authorization|connection|content-.*|cookie|expect|forwarded|host|keep-alive|proxy|proxy-.*|request-id|te|trailer|transfer-encoding|upgrade|via|x-forwarded-.*|x-real-ip)$/i;

export const headerName: ItemReader = (text) => {
  if (!/^[A-Za-z0-9!#$&'*+.^_`|~-]{1,64}$/.test(text)) return no("must be the name of a header");
  // An underscore is a hyphen to some readers.
  return taken.test(text.replaceAll("_", "-")) ? no("must not be a header that HTTP or the gateway uses") : ok(text);
};

function ok(value: string): { readonly ok: true; readonly value: string } {
  return { ok: true, value };
}

function no(text: string): { readonly ok: false; readonly text: string } {
  return { ok: false, text };
}
