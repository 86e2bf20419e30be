/** bcrypt reads no further than this many bytes: two longer passwords that begin alike would be one. */
export const bcryptPasswordBytes = 72;

/** The most bytes that a user name and a password may have together; what is longer is never right. */
export const credentialBytes = 1024;

const nameBytes = 255;

/** The user name under which Kapacitor has InfluxDB send subscription tokens; no configured user may have it. */
export const subscriberName = "~subscriber";

/**
 * Says why a password cannot be used, or undefined when it can. Judged alike when a hash is made, when a plain text
 * password is configured and when somebody logs in, so that nothing is accepted in one place that another refuses.
 * U+FFFD is what every byte that is not UTF-8 is decoded to, so passwords in Latin-1 would all look alike.
 * RFC 7617 section 2 forbids control characters; @fastify/basic-auth refuses U+2028 and U+2029 as well.
 * @returns the rest of a sentence that begins "the password"; never holds the password
 */
export function passwordProblem(password: string, maximumBytes: number = credentialBytes): string | undefined {
  if (password === "") return "is empty";
  if (password.length > maximumBytes || Buffer.byteLength(password) > maximumBytes) {
    return `is longer than ${maximumBytes} bytes`;
  }
  return textProblem(password);
}

/** Says why a user name cannot be used, as {@link passwordProblem} does; a colon ends the name in RFC 7617. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "is empty";
  if (Buffer.byteLength(name) > nameBytes) return `is longer than ${nameBytes} bytes`;
  if (name.includes(":")) return "holds a colon, which ends a user name in basic authentication";
  if (name === subscriberName) return `is ${subscriberName}, which belongs to Kapacitor's subscription tokens`;
  return textProblem(name);
}

function textProblem(text: string): string | undefined {
  if (!text.isWellFormed() || text.includes("\ufffd")) return "is not valid UTF-8";
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return "holds a control character or a line separator";
  return undefined;
}
