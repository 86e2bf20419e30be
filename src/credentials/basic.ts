/** What a client says to be: not yet verified. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Node refuses longer headers (--max-http-header-size); a bound for callers who have the text from elsewhere. */
const longestHeader = 16_384;

/** RFC 7235 appendix C: one space, and token68, which is base64 in either alphabet, with or without padding. */
const credentialsShape = /^basic ([\w.~+/-]+=*)$/i;

/** The control characters of RFC 5234 appendix B.1, which end at U+007F. */
const controlCharacter = /[^\P{Cc}\u0080-\u009f]/u;

/** RFC 7617 section 2: the user name ends at the first colon. As in @fastify/basic-auth, no line may end in the password. */
const userPassShape = /^([^:]*):(.*)$/u;

/**
 * Reads an `Authorization` header of basic authentication (RFC 7617, UTF-8), exactly as @fastify/basic-auth does with its
 * strict default, so that both lanes know the same credentials. Bytes that are not UTF-8 become U+FFFD, which the verifier
 * refuses.
 * @returns undefined for another scheme and for whatever is malformed: such a request has no credentials
 */
export function readBasic(header: string): Credentials | undefined {
  if (header.length > longestHeader) return undefined;
  const encoded = credentialsShape.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  if (controlCharacter.test(decoded)) return undefined;
  const [, user, password] = userPassShape.exec(decoded) ?? [];
  return user === undefined || password === undefined ? undefined : { user, password };
}
